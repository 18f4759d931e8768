"""The Bot API's door: /bot<token>/<method> and /file/bot<token>/<path>."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from playground import forms, schema
from playground.calls import CallLog, loggable
from playground.errors import ApiError, too_many_requests
from playground.faults import Fault, Faults
from playground.inline import Inline
from playground.limits import Limits
from playground.methods import METHODS
from playground.methods.base import Call, Services, not_played
from playground.model import Bot
from playground.people import Clicks
from playground.webhooks import Webhooks
from playground.world import World

_log = logging.getLogger(__name__)
_UNAUTHORIZED = ApiError(401, "Unauthorized")
_NOT_FOUND = ApiError(404, "Not Found")


class Broken(Exception):
    """The connection is to break instead of an answer."""


@dataclass
class Outcome:
    """What came of a call."""

    status: int
    body: bytes
    error: str = ""
    result: Any = None
    retry_after: int = 0


class BotApi:
    """An ASGI app for the paths of the Bot API."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.services = Services(Clicks(world), Inline(world), Webhooks(world, self._play_answer))
        self._schema = schema.load()
        self.faults = Faults()
        self.limits = Limits(world.clock)
        self.calls = CallLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request below /bot or /file/bot."""
        request = Request(scope, receive)
        path: str = scope["path"]
        try:
            if path.startswith("/file/bot"):
                response = await self._download(path.removeprefix("/file/bot"))
            else:
                response = await self._answer(request, path.removeprefix("/bot"))
        except Broken:
            _break_off(receive)
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response:
        token, _, name = path.partition("/")
        began, started = self._world.clock(), time.perf_counter()
        bot = self._world.bot_with(token)
        form = forms.Form()
        try:
            form = await forms.read(request, self._world.files.max_upload)
            outcome = await self._play_unless_gone(request, bot, name, form)
        except ApiError as error:
            outcome = _refusal(error)
        except Broken:
            self._note(bot, name, form, began, started, Outcome(0, b"", "connection broken"))
            raise
        finally:
            form.close()
        self._note(bot, name, form, began, started, outcome)
        headers = {"retry-after": str(outcome.retry_after)} if outcome.retry_after else None
        return Response(outcome.body, outcome.status, headers, "application/json")

    def _note(
        self,
        bot: Bot | None,
        name: str,
        form: forms.Form,
        began: float,
        started: float,
        outcome: Outcome,
    ) -> None:
        known = self._schema.methods.get(name.lower())
        given = {**form.fields, **form.uploads}
        self.calls.add(
            at=began,
            ms=round((time.perf_counter() - started) * 1000, 3),
            bot=bot.username if bot else "",
            method=known.name if known else name,
            params={key: loggable(value) for key, value in given.items()},
            status=outcome.status,
            error=outcome.error,
            result=outcome.result,
        )

    async def _play_unless_gone(
        self, request: Request, bot: Bot | None, name: str, form: forms.Form
    ) -> Outcome:
        """Play the call; a poll ends when its client goes away."""
        if name.lower() != "getupdates":
            return await self._play(bot, name, form)
        play = asyncio.ensure_future(self._play(bot, name, form))
        gone = asyncio.ensure_future(_disconnected(request))
        await asyncio.wait({play, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not play.done():
            play.cancel()
            raise Broken
        return play.result()

    async def _play(self, bot: Bot | None, name: str, form: forms.Form) -> Outcome:
        if bot is None:
            raise _UNAUTHORIZED
        method = self._schema.methods.get(name.lower())
        if method is None:
            raise _NOT_FOUND
        fault = self.faults.next(name.lower(), form.fields)
        await _before(fault)
        params = self._schema.check(method, form.fields, form.uploads)
        self.limits.check(bot.id, method.name, params)
        handler = METHODS.get(name.lower())
        if handler is None:
            raise not_played(method.name)
        result = await handler(Call(self._world, self.services, bot, params, form.uploads))
        if fault is not None and fault.kind == "reset_after":
            raise Broken
        if method.name == "getUpdates":
            waiting = b",".join([update.body for update in result])
            return Outcome(200, b'{"ok":true,"result":[%b]}' % waiting, result=len(result))
        return Outcome(200, orjson.dumps({"ok": True, "result": result}), result=result)

    async def _play_answer(self, bot: Bot, name: str, given: dict[str, Any]) -> None:
        """The method with which a webhook answered; an error is only in the log."""
        form = forms.Form(given)
        began, started = self._world.clock(), time.perf_counter()
        try:
            outcome = await self._play(bot, name, form)
        except ApiError as error:
            outcome = _refusal(error)
            _log.info("@%s answered its webhook with %s: %s", bot.username, name, outcome.error)
        except Broken:
            outcome = Outcome(0, b"", "connection broken")
        self._note(bot, name, form, began, started, outcome)

    async def _download(self, path: str) -> Response:
        token, _, place = path.partition("/")
        began, started = self._world.clock(), time.perf_counter()
        bot = self._world.bot_with(token)
        form = forms.Form({"file_path": place})
        try:
            if bot is None:
                raise _UNAUTHORIZED
            await _before(self.faults.next("download", {}))
            content = self._content(place)
        except ApiError as error:
            outcome = _refusal(error)
            self._note(bot, "download", form, began, started, outcome)
            return Response(outcome.body, outcome.status, None, "application/json")
        except Broken:
            broken = Outcome(0, b"", "connection broken")
            self._note(bot, "download", form, began, started, broken)
            raise
        self._note(bot, "download", form, began, started, Outcome(200, b""))
        if isinstance(content, Path):
            return FileResponse(content, media_type="application/octet-stream")
        return Response(content, media_type="application/octet-stream")

    def _content(self, place: str) -> Path | bytes:
        file = self._world.files.at(place)
        content = self._world.files.content(file) if file else None
        if file is None or content is None or file.size > self._world.files.max_download:
            raise _NOT_FOUND
        return content


def _refusal(error: ApiError) -> Outcome:
    retry_after = (error.parameters or {}).get("retry_after", 0)
    body = orjson.dumps(error.body())
    return Outcome(error.code, body, error.description, retry_after=retry_after)


async def _before(fault: Fault | None) -> None:
    """What a fault does before the call is played."""
    if fault is None or fault.kind == "reset_after":
        return
    if fault.kind == "429":
        raise too_many_requests(fault.retry_after)
    if fault.kind == "error":
        raise ApiError(fault.code, fault.description)
    if fault.kind in {"hang", "delay"}:
        await asyncio.sleep(fault.seconds)
    if fault.kind != "delay":
        raise Broken


async def _disconnected(request: Request) -> None:
    """Returns when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _break_off(receive: Receive) -> None:
    """Reset the connection below the request."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        _refuse_quietly()
    transport.abort()


def _refuse_quietly() -> NoReturn:
    raise ConnectionResetError("a fault was asked for, and this server can't reset connections")
