"""Gives blobs to whoever has a signed link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse

from plugins.storage import stores
from plugins.storage.keys import attachment
from plugins.storage.local import LINK_PATH, LocalStore
from plugins.storage.settings import Settings
from plugram import BlobMissing, LinkExpired, LinkForged, Route, StorageError

if TYPE_CHECKING:
    from starlette.requests import Request

    from plugram import Context, Translate

# Whatever somebody once sent us: to be kept, never to be shown or run under our address.
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Robots-Tag": "noindex",
    "Referrer-Policy": "no-referrer",
}


def routes(ctx: Context) -> Sequence[Route]:
    async def blob(request: Request) -> Response:
        try:
            wanted = ctx.links.read(request.path_params["signed"])
            return await _response(ctx, wanted["key"], wanted["name"], wanted["mime"])
        except LinkExpired:
            return PlainTextResponse(_reader(ctx, request).plain("storage-link-old"), 410)
        except (LinkForged, BlobMissing):
            return PlainTextResponse(_reader(ctx, request).plain("storage-link-unknown"), 404)
        except StorageError as error:
            ctx.log.error("linked file not read", error=str(error))
            return PlainTextResponse(_reader(ctx, request).plain("storage-link-later"), 503)

    return [Route(f"/{LINK_PATH}/{{signed}}", blob)]


async def _response(ctx: Context, key: str, name: str, mime: str) -> Response:
    """The blob to be saved under a name. Raises BlobMissing."""
    store = stores.chosen(ctx)
    headers = {**_SAFE, "Cache-Control": _caching(ctx)}
    mime = mime or "application/octet-stream"
    if isinstance(store, LocalStore):
        return FileResponse(
            store.where(key),
            media_type=mime,
            filename=name,
            content_disposition_type="attachment",
            headers=headers,
        )
    if not await store.exists(key):
        raise BlobMissing(f"blob {key} isn't there")
    headers["Content-Disposition"] = attachment(name)
    return StreamingResponse(store.open(key), media_type=mime, headers=headers)


def _caching(ctx: Context) -> str:
    """A CDN may keep it for as long as its link works, nobody else may."""
    if ctx.config(Settings).cdn_base:
        return f"public, max-age={ctx.links.seconds}, immutable"
    return "private, no-store"


def _reader(ctx: Context, request: Request) -> Translate:
    """In a language that the browser asks for."""
    asked = request.headers.get("accept-language", "").split(",")
    codes = [part.split(";")[0].strip()[:2].lower() for part in asked]
    known = [code for code in codes if code in ctx.i18n.languages]
    return ctx.translate(known[0] if known else ctx.i18n.default)
