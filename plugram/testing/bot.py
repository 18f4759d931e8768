"""The real host in the test's own event loop, with a playground as its Telegram."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import playground
from core import aio, config, log
from core.app import App
from core.host.discovery import Candidate, discover
from core.jobs.statements import STICKY
from core.telegram.inbox import Inbox
from playground.client import Playground
from plugram.testing.chat import Chat, Group
from plugram.testing.clock import Clock
from plugram.testing.failures import Failure, Failures, PluginFailed

if TYPE_CHECKING:
    from core.host.plugin import Context
    from core.jobs.job import JobRow
    from playground.server import Running

SETTINGS: Mapping[str, Any] = {
    "web.enabled": False,
    "jobs.reconcile": 0.03,  # cron jobs are planted that often
    "jobs.in_process": "always",
    "intake.attempts": 1,  # what fails is told at once
    "outgoing.per_second": 1000,
    "outgoing.per_chat_per_second": 30,
    "outgoing.per_group_per_minute": 600,
    "log.level": "warning",
    "log.format": "console",
}
"""What differs from a deployment's defaults, for tests to be quick and strict."""
_SOON = 3.0
"""Seconds: a job that is due by then counts as under way."""
_LOOK = 0.01
_QUIET = 2
"""Looks in a row that find nothing under way until the bot is at rest."""


class Bot:
    """A running bot. `bot.user("ann")` is somebody who talks to it."""

    def __init__(self, settings: config.Settings, telegram: Running) -> None:
        self.telegram = telegram
        """The playground, in this process."""
        self.url = telegram.url
        self.playground = Playground(telegram.url)
        self.clock = Clock(self)
        self.app = App(
            settings, "all", clock=self.clock.monotonic, open_database=self.clock.open_database
        )
        self.failures = Failures()
        self._plugins: Sequence[str] = ()
        self._at_start: set[asyncio.Task[Any]] = set()

    def user(self, name: str, *, language: str = "") -> Chat:
        """A person and their private chat with the bot. The first three speak their own languages
        (ann English, boris Russian, carmen Spanish); others speak English unless told."""
        return Chat(self, name, language)

    async def group(self, title: str, *people: Chat, **fields: Any) -> Group:
        """A new group with the bot and these people, the first of whom owns it; `kind`, `forum`,
        `admins` and more as docs/playground.md has them."""
        return await Group.make(self, title, people, **fields)

    async def about(self, username: str) -> Mapping[str, Any]:
        """What a new person is called, and speaks."""
        return {"first_name": username.replace("_", " ").title(), "language": "en"}

    def commands(self) -> list[str]:
        """Names of all commands."""
        return [command.name for plugin in self.app.plugins for command in plugin.commands]

    def ctx(self, plugin_id: str = "") -> Context:
        """The context of a plugin, by default of the one under test: for calling its services."""
        wanted = plugin_id or (self._plugins[0] if self._plugins else "")
        found = self.app.loader.report.find(wanted)
        if found is None:
            there = ", ".join(plugin.id for plugin in self.app.plugins)
            raise LookupError(f"there is no plugin {wanted!r} in this bot; there are: {there}")
        return found.ctx

    async def jobs(self, name: str = "") -> list[JobRow]:
        """The jobs of a name (`notes.remind`), or all but cron's ticks, the newest first."""
        rows = await self.app.jobs.find(name=name or None, limit=1000)
        return [row for row in rows if name or not (row.key or "").startswith(f"{STICKY}cron:")]

    @contextmanager
    def failing(self, *kinds: type[BaseException]) -> Iterator[list[Failure]]:
        """Failures of these kinds are expected inside of the block; the list has them."""
        with self.failures.allowed(*kinds) as found:
            yield found

    # -- at rest ------------------------------------------------------------------------------

    async def settle(self, timeout: float = 10.0) -> bool:
        """Wait until everything that people did is handled, and every job has run; False when that
        takes longer. Raises PluginFailed for what failed meanwhile."""
        __tracebackhide__ = True
        deadline, quiet, seen = time.monotonic() + timeout, 0, -1
        while time.monotonic() < deadline:
            self.failures.check()
            last = self.telegram.app.world.events.last
            still = last == seen and not await self.under_way()
            quiet, seen = quiet + 1 if still else 0, last
            if quiet >= _QUIET:
                self.failures.check()
                return True
            await asyncio.sleep(_LOOK)
        self.failures.check()
        return False

    async def under_way(self) -> str:
        """What isn't done yet, in words; empty at rest."""
        world = self.telegram.app.world
        waiting = sum(len(queue) for queue in world.queues.values())
        if waiting:
            return f"{waiting} updates wait for the bot"
        inbox = await Inbox(self.app.db, self.app.wire.bot_id).counts()
        if inbox["waiting"]:
            return f"{inbox['waiting']} updates are being handled"
        jobs = await self.app.jobs.counts()
        if number := jobs["queued"] + jobs["running"] + jobs["suspect"]:
            return f"{number} jobs wait or run"
        due = await self.app.jobs.ledger.due()
        if due is not None and due < _SOON:
            return "a job is about to be due"
        tasks = self._tasks_of_plugins() - self._at_start
        return f"{len(tasks)} tasks of plugins run" if tasks else ""

    def _tasks_of_plugins(self) -> set[asyncio.Task[Any]]:
        roots = tuple(str(plugin.root) for plugin in self.app.plugins)
        return {task for task in asyncio.all_tasks() if _home(task).startswith(roots)}

    # -- life ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self, plugins: Sequence[str]) -> AsyncIterator[Bot]:
        """`plugins`: the ids under test. Raises PluginFailed if one of them can't be loaded."""
        self._plugins = plugins
        try:
            self._insist()
            async with self.app.serving():
                self._insist()
                self._at_start = self._tasks_of_plugins()
                yield self
        finally:
            self.clock.stop()
            gc.unfreeze()  # a bot that serves for months freezes what its start made

    def _insist(self) -> None:
        for quarantine in self.app.loader.report.quarantined:
            self.failures.check()  # it was logged, with its traceback
            raise PluginFailed(f"the plugin {quarantine.id} was set aside: {quarantine.reason}")
        missing = [one for one in self._plugins if self.app.loader.report.find(one) is None]
        if missing:
            there = ", ".join(candidate.id for candidate in self.app.loader.discover())
            raise PluginFailed(
                f"there is no plugin {missing[0]!r}; there are: {there}. Install it"
                " (`pip install -e .`), or name its file or folder in `plugram_plugins`"
            )


@asynccontextmanager
async def start(
    plugins: Sequence[str], overrides: Mapping[str, Any], folder: Path, database: str = ""
) -> AsyncIterator[Bot]:
    """A bot with these plugins (ids, or paths of files and folders), what they require, and
    /start and /help; `folder` takes what it keeps. `database`: SQLite in the folder if empty."""
    failures = Failures()
    with _heard(failures):
        async with playground.serve() as telegram:
            aio.load()
            paths = [one for one in plugins if _is_path(one)]
            ids = [one for one in plugins if one not in paths]
            ids += [one.id for one in discover(map(Path, paths)) if one.origin == "path"]
            given = {
                **SETTINGS,
                **_features(ids, [Path(path) for path in paths]),
                "plugins.paths": paths,
                "bot.token": telegram.token,
                "bot.api_base": telegram.url,
                "data_dir": str(folder / "data"),
                "database.url": database or f"sqlite:///{folder / 'plugram.db'}",
                **overrides,
            }
            settings = config.load(env={}, root=folder, overrides=given)
            bot = Bot(settings, telegram)
            bot.failures = failures
            async with bot.running(ids):
                yield bot
                if not failures.told:
                    await bot.settle()
        failures.check()


def _is_path(name: str) -> bool:
    return name.endswith(".py") or "/" in name or "\\" in name


def _features(ids: Sequence[str], paths: Sequence[Path]) -> dict[str, bool]:
    """Everything off but the plugins under test, the menu, and what they require."""
    there = {one.id: one for one in reversed(discover(paths))}
    wanted, todo = set[str](), ["menu", *ids]
    while todo:
        candidate = there.get(todo.pop())
        if candidate is None or candidate.id in wanted:
            continue
        wanted.add(candidate.id)
        todo += _needs(candidate, there)
    return {f"features.{name}": name in wanted for name in there}


def _needs(candidate: Candidate, there: Mapping[str, Candidate]) -> Iterator[str]:
    if candidate.manifest is None:
        return
    yield from candidate.manifest.requires.plugins
    for role in candidate.manifest.requires.roles:
        for other in there.values():
            if other.manifest is not None and role in other.manifest.provides:
                yield other.id
                break


@contextmanager
def _heard(failures: Failures) -> Iterator[None]:
    """The host's log goes to standard error, which pytest shows of a test that fails; and faults
    of the test's own process stay pytest's business."""
    import logging
    import threading

    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    log.configure(config.LogSettings(level="warning", format="console"))
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)
    root = logging.getLogger()
    root.addHandler(failures)
    try:
        yield
    finally:
        root.removeHandler(failures)


def _home(task: asyncio.Task[Any]) -> str:
    """The file of the code that a task runs."""
    code = getattr(task.get_coro(), "cr_code", None)
    return str(code.co_filename) if code is not None else ""
