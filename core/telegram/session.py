"""aiogram's session on our wire: what handlers call through aiogram goes out as everything does.

So it has the limiter, the retries, the split texts and the errors of `core.errors` (handlers catch
`plugram.Forbidden`, not aiogram's). A method's parameters become JSON without a detour through
pydantic's dump, and an answer is read once, into exactly the type that the method returns.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

from aiogram import Bot
from aiogram.client.default import Default, DefaultBotProperties
from aiogram.client.session.base import BaseSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.methods.base import TelegramMethod
from aiogram.types import FSInputFile, InputFile, URLInputFile
from pydantic import BaseModel, TypeAdapter

from core.telegram.client import deliver
from core.telegram.wire import Upload

if TYPE_CHECKING:
    from core.telegram.wire import Wire

_NO_TOKEN = "the-wire-has-it"  # noqa: S105 - aiogram wants one; plugins have no use for the real one
_PLAIN = frozenset({str, int, bool, float})


def bot_on(wire: Wire) -> Bot:
    """aiogram's Bot for handlers. Texts are HTML unless a call says otherwise."""
    return Bot(
        f"{wire.bot_id}:{_NO_TOKEN}",
        session=WireSession(wire),
        default=DefaultBotProperties(parse_mode="HTML"),
    )


class WireSession(BaseSession):
    """Carries aiogram's calls."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(api=TelegramAPIServer(base="{token}/{method}", file="{path}"))
        self._wire = wire

    async def __call__(
        self,
        bot: Bot,
        method: TelegramMethod[Any],
        timeout: int | None = None,
    ) -> Any:
        if len(self.middleware):
            return await super().__call__(bot, method, timeout)
        return await self.make_request(bot, method, timeout)

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[Any],
        timeout: int | None = None,
    ) -> Any:
        files: dict[str, Upload] = {}
        params = {
            name: prepared
            for name, value in _fields(method)
            if value is not None and (prepared := _json(value, bot, files)) is not None
        }
        result = await deliver(
            self._wire, method.__api_method__, params, files=files or None, timeout=timeout
        )
        return _reader(method.__returning__)(result, bot)

    async def stream_content(
        self,
        url: str,
        headers: dict[str, Any] | None = None,
        timeout: int = 30,
        chunk_size: int = 65536,
        raise_for_status: bool = True,
    ) -> AsyncGenerator[bytes, None]:
        """For `bot.download`: `url` is the path that getFile gave."""
        async for chunk in self._wire.chunks(url, chunk_size):
            yield chunk

    async def close(self) -> None:
        """The wire is closed by whoever opened it."""


def _fields(model: BaseModel) -> list[tuple[str, Any]]:
    return [*model.__dict__.items(), *(model.__pydantic_extra__ or {}).items()]


def _json(value: Any, bot: Bot, files: dict[str, Upload]) -> Any:
    """A parameter as JSON; files aside, in `files`. None where there is nothing to say."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Default):
        default = bot.default[value.name]
        return None if default is None else _json(default, bot, files)
    if isinstance(value, InputFile):
        name = f"file{len(files)}"
        files[name] = _upload(value, bot)
        return f"attach://{name}"
    if isinstance(value, BaseModel):
        return {
            name: prepared
            for name, item in _fields(value)
            if item is not None and (prepared := _json(item, bot, files)) is not None
        }
    if isinstance(value, dict):
        return {name: _json(item, bot, files) for name, item in value.items() if item is not None}
    if isinstance(value, (list, tuple, set)):
        return [_json(item, bot, files) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return round((datetime.now(UTC) + value).timestamp())
    if isinstance(value, datetime):
        return round(value.timestamp())
    return value


def _upload(file: InputFile, bot: Bot) -> Upload:
    if isinstance(file, FSInputFile):
        from pathlib import Path

        return Upload(Path(file.path), file.filename or "")
    if isinstance(file, URLInputFile):
        # aiogram's own way to read one goes through the session, which knows Telegram alone.
        raise TypeError("URLInputFile isn't supported: pass the URL itself as text")

    def stream() -> AsyncIterator[bytes]:
        return file.read(bot)

    return Upload(stream, file.filename or "")


@cache
def _reader(returning: Any) -> Callable[[Any, Bot], Any]:
    """What makes a method's return type of a result."""
    if returning in _PLAIN:
        return lambda result, bot: result
    if isinstance(returning, type) and issubclass(returning, BaseModel):
        model = returning
        return lambda result, bot: model.model_validate(result, context={"bot": bot})
    adapter: TypeAdapter[Any] = TypeAdapter(returning)
    return lambda result, bot: adapter.validate_python(result, context={"bot": bot})
