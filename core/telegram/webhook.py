"""Receives updates that Telegram brings: `[intake] mode = "webhook"`.

Every bot process takes requests; those that are under way together share one commit, and each is
answered after it. The process that leads keeps Telegram told of the address.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from core import log as logs
from core.errors import DatabaseAway, DatabaseReadOnly, DiskFull, TelegramAway, TelegramError
from core.log import get_logger
from core.metrics import counter

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.types import Receive, Scope, Send

    from core.telegram.poller import Store
    from core.telegram.wire import Wire

PORTS = (443, 80, 88, 8443)
"""To which Telegram brings updates; a Bot API server of one's own takes any."""
LOOK_EVERY = 15.0
"""Seconds between two looks at what Telegram says of the webhook."""
_RECENT = 30.0
"""Seconds for which a failure that Telegram tells of counts."""
_LARGEST = 4 << 20
"""Bytes of an update; Telegram's stay far below."""
_PATIENCE = 10.0
"""Seconds in which the body of a request must have come."""
_HEADER = b"x-telegram-bot-api-secret-token"
_HIGHEST = 2**63
_NOTHING = [(b"content-length", b"0")]
_CLOSING = [*_NOTHING, (b"connection", b"close")]

log = get_logger("webhook")


class WebhookSettings(Protocol):
    """Of the `[intake]` section."""

    @property
    def webhook_path(self) -> str: ...
    @property
    def webhook_secret(self) -> SecretStr | None: ...
    @property
    def webhook_connections(self) -> int: ...


class _Refused(Exception):
    """The request can't be taken; the status that says so."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Webhook:
    """The other way of receiving, beside `Poller`. `run` in the process that leads; called, as an
    ASGI app, in all of them."""

    def __init__(self, wire: Wire, settings: WebhookSettings, public_url: str, token: str) -> None:
        """`public_url`: what of ours Telegram reaches. Without a secret in the settings one is made
        of the token, so that all processes have the same."""
        given = settings.webhook_secret
        self.does = "keeps the webhook"
        self.everywhere = True
        self.path = settings.webhook_path
        self.answered_at = time.monotonic()
        """When Telegram last answered, by the monotonic clock."""
        self.trouble = ""
        """Why nothing is received, in words; empty while all is well."""
        self.cut_off_since = 0.0
        """Since when Telegram can't be reached from here, by the monotonic clock; 0 if it can."""
        self._wire = wire
        self._url = public_url.rstrip("/") + settings.webhook_path
        self._connections = settings.webhook_connections
        secret = given.get_secret_value() if given else _secret_of(token)
        logs.secret(secret)
        self._secret = secret.encode()
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """200 once the update is committed. 403 without the secret, 400 for what is no update, 503
        while we can't keep it: Telegram comes again."""
        headers = _NOTHING
        try:
            status = 200 if await self._keep(await self._update(scope, receive)) else 503
        except _Refused as refused:
            status = refused.status
            headers = _CLOSING  # whatever else is on its way there isn't read
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body"})

    async def _update(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        """What a request brings. Raises _Refused."""
        if scope["method"] != "POST":
            raise _Refused(405)
        secret = size = b""
        for name, value in scope["headers"]:
            if name == _HEADER:
                secret = value
            elif name == b"content-length":
                size = value
        if not hmac.compare_digest(secret, self._secret):
            log.warning("a request without the webhook's secret", client=_client(scope))
            raise _Refused(403)
        body = await self._body(receive, int(size or 0))
        update: Any = None
        with contextlib.suppress(orjson.JSONDecodeError):
            update = orjson.loads(body)
        number = update.get("update_id") if isinstance(update, dict) else None
        if type(number) is not int or not 0 <= number < _HIGHEST:
            log.warning("a request that is no update", client=_client(scope), size=len(body))
            raise _Refused(400)
        return dict(update)

    @staticmethod
    async def _body(receive: Receive, announced: int) -> bytearray:
        """As a whole; no more of it than an update can have, and no longer than it may take."""
        if announced > _LARGEST:
            raise _Refused(413)
        try:
            async with asyncio.timeout(_PATIENCE):
                body = bytearray()
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Refused(400)
                    body += message.get("body", b"")
                    if len(body) > _LARGEST:
                        raise _Refused(413)
                    if not message.get("more_body"):
                        return body
        except TimeoutError:
            raise _Refused(408) from None

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
            for (_, committed), one in zip(batch, kept, strict=True):
                if not committed.done():  # whoever brought it may be gone
                    committed.set_result(one)

    async def _commit_batch(self, updates: list[dict[str, Any]]) -> list[bool]:
        """Which of them are committed."""
        if self._store is None:
            return [False] * len(updates)
        try:
            await self._store(updates)
        except (DatabaseAway, DatabaseReadOnly, DiskFull) as error:
            log.error("updates not stored", error=str(error), number=len(updates))
            return [False] * len(updates)
        except Exception as error:
            if len(updates) > 1:  # one that can't be stored must not keep out the others
                return [(await self._commit_batch([update]))[0] for update in updates]
            log.exception("update not stored", update_id=updates[0]["update_id"], error=str(error))
            return [False]
        self._received.inc(len(updates))
        return [True] * len(updates)

    # -- what Telegram is told ----------------------------------------------------------------

    async def run(self) -> None:
        """Keep the webhook set, and know what Telegram thinks of it; until it is cancelled."""
        told: _Terms | None = None
        """What Telegram said that it is set to, right after it was set."""
        while True:
            try:
                if told is None:
                    await self._set()
                info = await self._wire.call("getWebhookInfo")
                self.answered_at, self.cut_off_since = time.monotonic(), 0.0
                told = self._look(info, told)
            except TelegramError as error:
                self.trouble = error.message
                if isinstance(error, TelegramAway):
                    self.cut_off_since = self.cut_off_since or time.monotonic()
            if self.trouble:
                log.warning("webhook", trouble=self.trouble)
            await asyncio.sleep(1.0 if told is None else LOOK_EVERY)

    def _look(self, info: dict[str, Any], told: _Terms | None) -> _Terms | None:
        """None if it must be set again: somebody else changed it, or brings a wrong secret."""
        now = _Terms.of(info)
        if now.url != self._url or (told is not None and now != told):
            self.trouble = "somebody else changed the webhook"
            return None
        self.trouble = _trouble(info)
        return None if told is not None and "403" in self.trouble else now

    async def _set(self) -> None:
        await self._wire.call(
            "setWebhook",
            {
                "url": self._url,
                "secret_token": self._secret.decode(),
                "allowed_updates": self._allowed,
                "max_connections": self._connections,
            },
        )
        log.info("webhook set", url=self._url)


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a webhook is set to, as far as Telegram tells."""

    url: str
    allowed_updates: frozenset[str]
    max_connections: int

    @classmethod
    def of(cls, info: dict[str, Any]) -> _Terms:
        allowed = frozenset(info.get("allowed_updates") or ())
        return cls(str(info.get("url") or ""), allowed, int(info.get("max_connections") or 0))


def _trouble(info: dict[str, Any]) -> str:
    """Why Telegram can't bring us what waits; empty if it can."""
    waiting = int(info.get("pending_update_count") or 0)
    failed_at = int(info.get("last_error_date") or 0)
    if not waiting or time.time() - failed_at > _RECENT:
        return ""
    return f"Telegram can't reach us: {info.get('last_error_message', '')}; {waiting} updates wait"


def _secret_of(token: str) -> str:
    return hmac.new(token.encode(), b"plugram webhook", hashlib.sha256).hexdigest()


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
