"""Receives updates that Telegram brings: `[intake] mode = "webhook"`.

Every bot process takes requests; those that are under way together share one commit, and each is
answered after it. The process that leads keeps Telegram told of the address.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from starlette.responses import Response

from core import log as logs
from core.errors import DatabaseError, TelegramError
from core.log import get_logger
from core.metrics import counter

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.requests import Request

    from core.telegram.poller import Store
    from core.telegram.wire import Wire

LOOK_EVERY = 15.0
"""Seconds between two looks at what Telegram says of the webhook."""
_LARGEST = 4 << 20
"""Bytes of an update; Telegram's stay far below."""
_HEADER = "x-telegram-bot-api-secret-token"

log = get_logger("webhook")


class WebhookSettings(Protocol):
    """Of the `[intake]` section."""

    @property
    def webhook_path(self) -> str: ...
    @property
    def webhook_secret(self) -> SecretStr | None: ...
    @property
    def webhook_connections(self) -> int: ...


class Webhook:
    """The other way of receiving, beside `Poller`. `run` in the process that leads, `receive` in
    all of them."""

    def __init__(self, wire: Wire, settings: WebhookSettings, public_url: str, token: str) -> None:
        """`public_url`: what of ours Telegram reaches. Without a secret in the settings one is made
        of the token, so that all processes have the same."""
        given = settings.webhook_secret
        self.does = "keeps the webhook"
        self.path = settings.webhook_path
        self.answered_at = time.monotonic()
        """When Telegram last answered, by the monotonic clock."""
        self.trouble = ""
        """Why nothing is received, in words; empty while all is well."""
        self._wire = wire
        self._url = public_url.rstrip("/") + settings.webhook_path
        self._connections = settings.webhook_connections
        self._secret = given.get_secret_value() if given else _secret_of(token)
        logs.secret(self._secret)
        self._store: Store | None = None
        self._allowed: list[str] = []
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[bool]]] = []
        self._committing: asyncio.Task[None] | None = None
        self._received = counter("updates_received", "Updates that Telegram delivered")

    def open(self, store: Store, allowed_updates: Sequence[str]) -> None:
        """Take updates from now on."""
        self._store = store
        self._allowed = list(allowed_updates)

    def close(self) -> None:
        """Take nothing any more; Telegram brings it again, to whoever is there then."""
        self._store = None

    # -- what Telegram brings -----------------------------------------------------------------

    async def receive(self, request: Request) -> Response:
        """200 once the update is committed. 403 without the secret, 400 for what is no update, 503
        while we can't keep it: Telegram comes again."""
        if not hmac.compare_digest(
            request.headers.get(_HEADER, "").encode(), self._secret.encode()
        ):
            log.warning("a request without the webhook's secret", client=_client(request))
            return Response(status_code=403)
        body = await request.body()
        try:
            update = orjson.loads(body) if len(body) <= _LARGEST else None
        except orjson.JSONDecodeError:
            update = None
        if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
            log.warning("a request that is no update", client=_client(request), size=len(body))
            return Response(status_code=400)
        return Response(status_code=200 if await self._keep(update) else 503)

    async def _keep(self, update: dict[str, Any]) -> bool:
        """Whether it is committed, together with what comes in the same moment."""
        committed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((update, committed))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit(), name="webhook-commit")
        return await committed

    async def _commit(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            kept = await self._commit_batch([update for update, _ in batch])
            for _, committed in batch:
                if not committed.done():  # whoever brought it may be gone
                    committed.set_result(kept)

    async def _commit_batch(self, updates: list[dict[str, Any]]) -> bool:
        if self._store is None:
            return False
        try:
            await self._store(updates)
        except DatabaseError as error:
            log.error("updates not stored", error=str(error), number=len(updates))
            return False
        except Exception:
            log.exception("updates not stored", number=len(updates))
            return False
        self._received.inc(len(updates))
        return True

    # -- what Telegram is told ----------------------------------------------------------------

    async def run(self) -> None:
        """Keep the webhook set, and know what Telegram thinks of it; until it is cancelled."""
        is_set = False
        while True:
            try:
                if not is_set:
                    await self._set()
                    is_set = True
                info = await self._wire.call("getWebhookInfo")
                self.answered_at = time.monotonic()
                is_set = info.get("url") == self._url
                self.trouble = _trouble(info) if is_set else "somebody else changed the webhook"
            except TelegramError as error:
                self.trouble = error.message
            if self.trouble:
                log.warning("webhook", trouble=self.trouble)
            await asyncio.sleep(LOOK_EVERY if is_set else 1.0)

    async def _set(self) -> None:
        await self._wire.call(
            "setWebhook",
            {
                "url": self._url,
                "secret_token": self._secret,
                "allowed_updates": self._allowed,
                "max_connections": self._connections,
            },
        )
        log.info("webhook set", url=self._url)


def _trouble(info: dict[str, Any]) -> str:
    """Why Telegram can't bring us what waits; empty if it can."""
    waiting = int(info.get("pending_update_count") or 0)
    failed_at = int(info.get("last_error_date") or 0)
    if not waiting or time.time() - failed_at > 2 * LOOK_EVERY:
        return ""
    return f"Telegram can't reach us: {info.get('last_error_message', '')}; {waiting} updates wait"


def _secret_of(token: str) -> str:
    return hmac.new(token.encode(), b"plugram webhook", hashlib.sha256).hexdigest()


def _client(request: Request) -> str:
    return request.client.host if request.client else ""
