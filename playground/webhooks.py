"""Webhooks: updates are brought to the bot's own address.

Updates of one chat go strictly one after the other: one that isn't taken with a status of 2xx is
brought again, later each time, and the chat's next ones wait. Chats don't wait for each other, as
far as `max_connections` allows.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urlsplit

import orjson
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, PyreqwestError, RequestTimeoutError

from playground.errors import bad_request
from playground.model import Bot, Update
from playground.world import World

_log = logging.getLogger(__name__)

TIMEOUT = 60.0
"""Seconds in which a bot has to answer."""
_PORTS = (80, 88, 443, 8443)
_SECRET = re.compile(r"[A-Za-z0-9_-]*")
_LONGEST_PAUSE = 60.0
"""Seconds between attempts, once there were many."""
_EXPIRES = 24 * 3600.0
"""Seconds for which an update is tried."""

Play = Callable[[Bot, str, dict[str, Any]], Awaitable[None]]
"""Plays the method that a bot answered with; errors are only logged."""


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """What setWebhook was given, without the certificate; raises ApiError."""
    url = urlsplit(given["url"])
    secret = given.get("secret_token", "")
    if len(secret) > 256:
        raise bad_request("secret token is too long")
    if not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    _check_address(url)
    connections = given.get("max_connections", 40)
    return {
        "url": given["url"],
        "secret_token": secret,
        "max_connections": min(max(connections, 1), 100),
        "ip_address": given.get("ip_address", ""),
        "has_custom_certificate": "certificate" in given,
    }


def _check_address(url: SplitResult) -> None:
    """Telegram takes https on four ports; here also http on this machine, on any port."""
    try:
        port = url.port or (80 if url.scheme == "http" else 443)
    except ValueError:
        raise bad_request("invalid webhook URL specified") from None
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise bad_request("invalid webhook URL specified")
    if _is_loopback(url.hostname):
        return
    if url.scheme != "https":
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if port not in _PORTS:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


class Webhooks:
    """The webhooks of all bots."""

    def __init__(self, world: World, play: Play) -> None:
        self._world = world
        self._play = play
        self._running: dict[int, _Webhook] = {}

    def start(self) -> None:
        """Go on with those that were set before a restart."""
        for bot in self._world.bots.values():
            if bot.webhook:
                self._open(bot)

    async def close(self) -> None:
        """Stop bringing; what wasn't taken waits."""
        for running in self._running.values():
            await running.close()
        self._running.clear()

    async def set(self, bot: Bot, webhook: dict[str, Any]) -> None:
        """Begin to bring the updates to an address."""
        await self.delete(bot)
        bot.webhook = webhook
        self._world.save_bot(bot)
        self._world.queues[bot.id].interrupt()
        self._open(bot)

    async def delete(self, bot: Bot) -> None:
        """Let them wait for getUpdates."""
        bot.webhook = {}
        self._world.save_bot(bot)
        running = self._running.pop(bot.id, None)
        if running is not None:
            await running.close()

    def info(self, bot: Bot) -> dict[str, Any]:
        """What getWebhookInfo says of it; nothing when there is none."""
        if not bot.webhook:
            return {}
        running = self._running.get(bot.id)
        kept = ("url", "has_custom_certificate", "max_connections")
        address = bot.webhook["ip_address"] or (running.address if running else "")
        info = {key: bot.webhook[key] for key in kept}
        info |= {"ip_address": address} if address else {}
        return info | (running.last_error if running else {})

    def _open(self, bot: Bot) -> None:
        self._running[bot.id] = _Webhook(self._world, bot, self._play)


class _Webhook:
    """One that is set: a task for each chat with updates, ended when they are taken."""

    def __init__(self, world: World, bot: Bot, play: Play) -> None:
        self._world, self._bot, self._play = world, bot, play
        self._webhook, self._closed = bot.webhook, False
        self._queue = world.queues[bot.id]
        self._client = _client(bot.webhook)
        self._slots = asyncio.Semaphore(bot.webhook["max_connections"])
        self._lanes: dict[int, deque[Update]] = defaultdict(deque)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self.last_error: dict[str, Any] = {}
        self.address = _resolved(urlsplit(bot.webhook["url"]).hostname or "")
        self._queue.on_update = self._take
        self._queue.set_present(True)
        for update in self._queue.peek(len(self._queue)):
            self._take(update)

    async def close(self) -> None:
        """Stop in the middle; a lane whose answer was deleteWebhook ends by itself."""
        self._closed = True
        self._queue.on_update = None
        self._queue.set_present(False)
        tasks = list(self._tasks.values())
        current = asyncio.current_task()
        for task in tasks:
            if task is not current:
                task.cancel()
        await asyncio.gather(*(t for t in tasks if t is not current), return_exceptions=True)
        await self._client.close()

    def _take(self, update: Update) -> None:
        self._lanes[update.lane].append(update)
        if update.lane not in self._tasks:
            self._tasks[update.lane] = asyncio.create_task(self._serve(update.lane))

    async def _serve(self, lane: int) -> None:
        """Bring the updates of a chat, one after the other."""
        waiting = self._lanes[lane]
        try:
            while waiting and not self._closed:
                update = waiting.popleft()
                if self._queue.holds(update):
                    await self._bring(update)
                    self._queue.done(update)
        finally:
            del self._tasks[lane], self._lanes[lane]

    async def _bring(self, update: Update) -> None:
        """Until it is taken, dropped, or too old."""
        pause, first = 1.0, self._world.clock()
        while self._queue.holds(update) and self._world.clock() - first < _EXPIRES:
            async with self._slots:
                error = await self._attempt(update)
            if not error:
                return
            self.last_error = {
                "last_error_date": int(self._world.clock()),
                "last_error_message": error,
            }
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _attempt(self, update: Update) -> str:
        """Bring an update once: what went wrong, nothing when it was taken."""
        webhook = self._webhook
        request = self._client.post(webhook["url"]).header("content-type", "application/json")
        if webhook["secret_token"]:
            request = request.header("X-Telegram-Bot-Api-Secret-Token", webhook["secret_token"])
        try:
            response = await request.body_bytes(update.body).build().send()
            body = bytes(await response.bytes())
        except PyreqwestError as error:
            return _reason(error)
        if not 200 <= response.status < 300:
            return f"Wrong response from the webhook: {response.status} {_phrase(response.status)}"
        await self._answered(body)
        return ""

    async def _answered(self, body: bytes) -> None:
        """A bot may answer with a method; it doesn't hear what came of it."""
        with suppress(orjson.JSONDecodeError):
            answer = orjson.loads(body) if body else None
            if isinstance(answer, dict) and isinstance(answer.get("method"), str):
                await self._play(self._bot, answer.pop("method"), answer)


def _client(webhook: dict[str, Any]) -> Client:
    limit = timedelta(seconds=TIMEOUT)
    builder = ClientBuilder().timeout(limit).no_proxy().follow_redirects(False)
    if webhook["has_custom_certificate"]:  # it is the bot's own, which no authority knows
        builder = builder.danger_accept_invalid_certs(True)
    return builder.build()


def _resolved(host: str) -> str:
    """The address of a host; a name that can't be resolved has none."""
    with suppress(ValueError):
        return str(ipaddress.ip_address(host))
    return "127.0.0.1" if _is_loopback(host) else ""


def _phrase(status: int) -> str:
    with suppress(ValueError):
        return HTTPStatus(status).phrase
    return "Unknown"


def _reason(error: PyreqwestError) -> str:
    """Why nothing came back, in Telegram's words."""
    if isinstance(error, ConnectError):
        return "Connection refused"
    if isinstance(error, RequestTimeoutError):
        return "Read timeout expired"
    return "Webhook connection closed"
