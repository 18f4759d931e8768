"""Gives blobs to whoever has a signed link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, PlainTextResponse, Response

from plugins.storage.service import LINK_PATH
from plugins.storage.settings import Settings
from plugram import BlobMissing, LinkExpired, LinkForged, Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from plugins.storage.service import LocalStore
    from plugram import Context, Translate

# Whatever somebody once sent us: to be kept, never to be shown or run under our address.
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Robots-Tag": "noindex",
    "Referrer-Policy": "no-referrer",
}


def routes(ctx: Context, store: LocalStore) -> Sequence[Route]:
    async def blob(request: Request) -> Response:
        try:
            wanted = ctx.links.read(request.path_params["signed"])
            path = store.where(wanted["key"])
        except LinkExpired:
            return PlainTextResponse(_reader(ctx, request).plain("storage-link-old"), 410)
        except (LinkForged, BlobMissing):
            return PlainTextResponse(_reader(ctx, request).plain("storage-link-unknown"), 404)
        return FileResponse(
            path,
            media_type=wanted["mime"] or "application/octet-stream",
            filename=wanted["name"],
            content_disposition_type="attachment",
            headers={**_SAFE, "Cache-Control": _caching(ctx)},
        )

    return [Route(f"/{LINK_PATH}/{{signed}}", blob)]


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
