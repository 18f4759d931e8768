"""A dispatcher in tests: real routers, people and dialogs, and a server of our own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core import aio
from core.db.database import Database
from core.host.hooks import Hooks
from core.host.plugin import CommandEntry, Plugin
from core.i18n import I18n
from core.people import People
from core.telegram.client import Telegram
from core.telegram.inbox import kind_of
from core.telegram.intake import Incoming
from core.telegram.outgoing import Limiter
from core.telegram.wire import Wire
from tests.core import kit
from tests.core.telegram.test_wire import Http, Outgoing
from tests.core.work import opened
from tests.support.bot_api import TOKEN, BotApi

if TYPE_CHECKING:
    from aiogram import Router

    from core.telegram.dispatcher import Dispatcher
    from core.telegram.states import States

aio.load()


@dataclass(frozen=True)
class Bot:
    owner: int | None = 1
    admins: tuple[int, ...] = (2,)


@dataclass
class Stage:
    """`plugin` adds plugins; the first `feed` builds the dispatcher."""

    db: Database
    api: BotApi
    wire: Wire
    redis: Any = None
    i18n: I18n = field(default_factory=I18n)
    clock: kit.Clock = field(default_factory=kit.Clock)
    _pairs: list[tuple[Plugin, Sequence[Router]]] = field(default_factory=list)
    _dispatcher: Dispatcher | None = None
    _states: States | None = None

    def __post_init__(self) -> None:
        self.hooks = Hooks(kit.Knobs(), clock=self.clock)
        self.people = People(self.db, Bot(), self.i18n)

    def plugin(self, plugin_id: str, *routers: Router, **commands: str) -> Plugin:
        one = kit.plugin(plugin_id)
        entries = {name: CommandEntry(description=text) for name, text in commands.items()}
        one.manifest = one.manifest.model_copy(update={"commands": entries})
        self.hooks.register(one)
        given = {"db": self.db, "i18n": self.i18n, "people": self.people}
        one.context = kit.context(one, self.hooks, **given)
        object.__setattr__(one.context, "telegram", Telegram(self.wire))
        self._pairs.append((one, routers))
        return one

    @property
    def states(self) -> States:
        from core.telegram.states import States

        if self._states is None:
            self._states = States(self.db, self.redis)
        return self._states

    @property
    def dispatcher(self) -> Dispatcher:
        from core.telegram.dispatcher import Dispatcher

        if self._dispatcher is None:
            self._dispatcher = Dispatcher(
                self._pairs, self.wire, self.people, self.i18n, self.hooks, self.states
            )
        return self._dispatcher

    def incoming(self, update: dict[str, Any]) -> Incoming:
        return Incoming(
            self.wire.bot_id, update["update_id"], kind_of(update), update, 1, "0123456789abcdef", 1
        )

    async def feed(self, update: dict[str, Any]) -> None:
        await self.dispatcher.feed(self.incoming(update))

    async def fail(self, update: dict[str, Any]) -> BaseException:
        """Feed what fails, as intake does at the last try."""
        incoming = self.incoming(update)
        try:
            await self.dispatcher.feed(incoming)
        except Exception as error:  # noqa: BLE001 - any plugin's
            await self.dispatcher.gave_up(incoming, error)
            return error
        raise AssertionError("it didn't fail")


@asynccontextmanager
async def stage(url: str, redis: Any = None) -> AsyncIterator[Stage]:
    async with opened(url) as db, BotApi() as api:
        wire = Wire(TOKEN, api.url, Http(), Limiter(Outgoing()))
        one = Stage(db, api, wire, redis)
        try:
            yield one
        finally:
            if one._states is not None:
                await one._states.close()
            await wire.close()
