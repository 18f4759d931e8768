"""The composition root: the only file that knows all the others.

`build` makes the objects of a process and loads the plugins, without input or output beyond
importing them. `App.run` opens what they need, serves until a signal, drains and closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from core import aio, keys
from core.cache import Cache
from core.db import database as db
from core.db import migrate
from core.errors import ConfigError, PluginError, TelegramAway
from core.health import EXAMINATION, HealthChecks, at_start, core_checks
from core.host import hookspecs as specs
from core.host.hooks import Hooks
from core.host.loader import Loader
from core.host.plugin import Context, Plugin
from core.host.watchdog import Watchdog
from core.jobs import bell
from core.jobs.job import JobRow, Jobs, PluginJobs, RegisteredJob
from core.links import Links
from core.lock import DataLock, claim_folder
from core.log import get_logger
from core.metrics import PluginMetrics
from core.people import People
from core.records import Records
from core.sandbox import Sandbox
from core.secrets import Secrets, keyring
from core.telegram.client import Telegram
from core.telegram.outgoing import Limiter
from core.telegram.wire import Wire

if TYPE_CHECKING:
    from aiogram import Router

    from core.config import Settings
    from core.jobs.alone import RunOne
    from core.jobs.runner import Runner
    from core.telegram.replay import Replayer
    from core.telegram.webhook import Webhook

Role = Literal["bot", "worker", "all", "session"]
"""`bot` runs jobs too if `[jobs] in_process` says so; `all` does in any case; a `session` opens
everything and serves nobody: for commands."""

log = get_logger("app")

HANDLERS_DRAIN, JOBS_DRAIN = 5.0, 3.0
"""Seconds that a stopping bot gives to its handlers, and to the jobs in its process."""

_NO_TOKEN = "0:none"  # noqa: S105 - stands in where nothing is ever sent


_PATIENT = 20.0
"""Seconds that a command waits for a connection, or for its turn to write to SQLite."""


class App:
    """The objects of one process. Their order here is the order in which they depend."""

    def __init__(
        self,
        settings: Settings,
        role: Role,
        *,
        safe_mode: bool = False,
        clock: Callable[[], float] = time.monotonic,
        open_database: Callable[[Settings, Sequence[db.PluginTables]], db.Database] = db.build,
        make_wire: type[Wire] = Wire,
    ) -> None:
        """`clock`: seconds, for what expires and what is paused; leases and jobs go by the clock of
        the database that `open_database` makes of the settings and the plugins' tables."""
        self.settings = settings
        self.role = role
        aio.install()  # before a plugin imports aiogram
        self._clock = clock
        self.hooks = Hooks(settings.hooks, clock=clock)
        self.loader = Loader(settings, hooks=self.hooks, safe_mode=safe_mode)
        self.loader.load_modules()
        self.services = self.loader.services
        self.i18n = self.loader.i18n
        self.i18n.add("core", Path(__file__).parent / "locales")
        self.db = open_database(settings, self.loader.tables())
        self.redis = _redis(settings)
        self.cache = Cache(self.redis, settings.redis.prefix, clock=clock)
        self.people = People(self.db, settings.bot, self.i18n)
        self.records = Records(
            self.db,
            self.people,
            settings.data_dir,
            redis=self.redis,
            prefix=settings.redis.prefix,
        )
        self.limiter = Limiter(settings.outgoing, redis=self.redis, prefix=settings.redis.prefix)
        token = settings.bot.token
        self.wire = make_wire(
            token.get_secret_value() if token else _NO_TOKEN,
            settings.bot.api_base,
            settings.http,
            self.limiter,
        )
        self.telegram = Telegram(self.wire)
        self.webhook = self._webhook()
        self.sandbox = Sandbox(settings)
        self.keyring = keyring(settings)
        self.jobs = Jobs(self.db, settings.jobs, bell.build(settings, self.db))
        self.checks = HealthChecks()
        self.started = False
        self.runner: Runner | None = None
        self.routers: list[tuple[Plugin, list[Router]]] = []
        self.loader.register(self._context)

    @property
    def plugins(self) -> list[Plugin]:
        """The loaded plugins in load order."""
        return self.loader.report.plugins

    def _webhook(self) -> Webhook | None:
        """For the web server, which begins before the intake that will take its updates."""
        settings = self.settings
        receives = settings.intake.mode == "webhook" and self.role in ("bot", "all")
        if not receives or settings.bot.token is None:
            return None
        from core.telegram.webhook import Webhook

        token = settings.bot.token.get_secret_value()
        return Webhook(self.wire, settings.intake, settings.web.public_url, token)

    def _context(self, plugin: Plugin) -> Context:
        token = self.settings.bot.token
        return Context(
            plugin_id=plugin.id,
            settings=plugin.settings,
            db=self.db,
            jobs=PluginJobs(plugin.id, self.jobs),
            cache=self.cache.namespaced(plugin.id),
            links=Links(plugin.id, self.settings.web, token.get_secret_value() if token else ""),
            records=self.records,
            secrets=Secrets(plugin.id, self.keyring),
            telegram=self.telegram,
            hooks=self.hooks,
            services=self.services,
            people=self.people,
            i18n=self.i18n,
            metrics=PluginMetrics(plugin.id),
            sandbox=self.sandbox,
            log=get_logger(plugin.id),
            data_dir=self.settings.data_dir / plugin.id,
            plugins=lambda: self.plugins,
            deployment=self.settings.deployment.name,
        )

    # -- life ---------------------------------------------------------------------------------

    async def run(self) -> int:
        """Serve until SIGTERM or SIGINT, drain, and close; the exit status. A second signal ends
        the process at once: what it had in hand is in the database. Raises PlugramError when the
        process can't start."""
        stopping = asyncio.Event()
        _on_signals(stopping)
        async with self.serving():
            await stopping.wait()
        log.info("stopped")
        return 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        """Open and serve; at the end drain and close."""
        async with self.session(), AsyncExitStack() as stack:
            await self._serve(stack)
            yield self
            log.info("stopping")
            self.started = False

    @asynccontextmanager
    async def session(
        self, *, start: bool = True, migrated: bool = False, connect: bool = True
    ) -> AsyncIterator[Self]:
        """Open without serving: for commands that need the plugins and what they keep.

        `start=False` changes nothing: it neither migrates nor starts the plugins; `connect=False`
        doesn't even open the database. `migrated`: this program has seen to the tables before, and
        a newer one may have gone on from there.
        """
        async with AsyncExitStack() as stack:
            if connect:
                await self._open(stack, start=start, migrated=migrated)
            else:
                stack.push_async_callback(self._close_clients)
            yield self

    async def _open(
        self, stack: AsyncExitStack, *, start: bool = True, migrated: bool = False
    ) -> None:
        """Connect, migrate, and start the plugins."""
        settings = self.settings
        claim_folder(settings.data_dir, settings.deployment.name)
        if self.role in ("bot", "all") and self.db.dialect == "sqlite":
            stack.enter_context(DataLock(settings.data_dir))
        stack.push_async_callback(self._close_clients)
        if start and self.role != "session":
            await self._check_needs()
        await self.db.connect()
        stack.push_async_callback(self.db.close)
        if not start:
            return
        if migrated:
            pass
        elif settings.database.migrate == "auto":
            await migrate.apply(self.db)
        else:
            await migrate.check(self.db)
        await keys.check(self.db, await keys.sealed(self.db), self.keyring)
        if self.role in ("bot", "all"):
            # Before anything starts: a plugin whose handlers can't be made is set aside as a whole.
            self.routers = self.loader.routers()
        await self.loader.startup()
        stack.push_async_callback(self.loader.shutdown)

    async def _check_needs(self) -> None:
        """Raises ConfigError with all that plugins need and can't have, in one report."""
        needs = HealthChecks()
        for plugin in self.plugins:
            needs.add(plugin.id, at_start(plugin.parts.health_checks))
        problems = []
        for one in await needs.run(timeout=EXAMINATION):
            health = one.health
            if health.degraded and not health.ok:
                log.warning("starting without", check=one.name, why=health.detail, hint=health.hint)
            elif not health.ok:
                problems.append(f"{one.name}: {health.detail} → {health.hint}")
        if problems:
            raise ConfigError(problems, hint="plugram doctor tells more")

    async def _close_clients(self) -> None:
        await self.sandbox.close()
        await self.wire.close()
        await self.limiter.close()
        if self.redis is not None:
            await self.redis.aclose()

    async def _serve(self, stack: AsyncExitStack) -> None:
        self.checks.add("core", core_checks(self.db, self.redis, self.settings))
        for plugin in self.plugins:
            self.checks.add(plugin.id, plugin.parts.health_checks)
        if self.settings.web.enabled:
            await self._start_web(stack)
        if self.role != "bot" or self._runs_jobs():
            await self._start_jobs(stack)
        else:
            stack.push_async_callback(self.jobs.bell.close)
        if self.role != "worker":
            await self._start_bot(stack)
        await self.loader.ready()
        if limit := self.settings.hooks.loop_limit:
            watchdog = Watchdog(self.hooks, lambda: self.plugins, limit)
            watchdog.start()
            stack.push_async_callback(watchdog.stop)
        # What a start makes stays: let the collector not walk through it again and again.
        gc.collect()
        gc.freeze()
        self.started = True
        log.info("ready", role=self.role, plugins=[plugin.id for plugin in self.plugins])

    def _runs_jobs(self) -> bool:
        where = self.settings.jobs.in_process
        if where == "auto" and self.redis is None:
            log.warning("no Redis: jobs run in the bot's process", way_out="set REDIS_URL")
        return where == "always" or (where == "auto" and self.redis is None)

    async def _start_jobs(self, stack: AsyncExitStack) -> None:
        from core.jobs.alone import Alone
        from core.jobs.runner import Runner

        runner = Runner(
            self.settings,
            self.db,
            self.registry(),
            jobs=self.jobs,
            on_dead=self._job_died,
            alone=Alone("core.app:alone", *(plugin.id for plugin in self.plugins)),
            gate=lambda plugin_id: self.hooks.breaker(plugin_id).allows(),
            worked=lambda plugin_id: self.hooks.breaker(plugin_id).success(),
            # A bot whose loop stands still may yet recover; a worker's jobs are elsewhere by then.
            exit_when_blocked=self.role == "worker",
        )
        await runner.start()
        self.runner = runner

        async def stop() -> None:
            await runner.drain(self.settings.jobs.drain if self.role == "worker" else JOBS_DRAIN)
            await runner.stop()
            await self.jobs.bell.close()

        stack.push_async_callback(stop)

    def registry(self) -> dict[str, RegisteredJob]:
        """The jobs of all plugins by full name."""
        found = [
            RegisteredJob(plugin.id, spec, plugin.ctx, plugin.flags)
            for plugin in self.plugins
            for spec in plugin.parts.jobs
        ]
        return {registered.name: registered for registered in found}

    async def _job_died(self, row: JobRow) -> None:
        await self.hooks.emit(specs.on_job_dead, job_id=row.id, name=row.name, error=row.error)

    async def _start_web(self, stack: AsyncExitStack) -> None:
        from core.web import WebServer, build

        routes = [(plugin, plugin.parts.web_routes) for plugin in self.plugins]
        web = self.settings.web
        server = WebServer(
            build(
                self.checks,
                routes,
                started=lambda: self.started,
                webhook=self.webhook,
                ended=lambda: self.runner.ended if self.runner else "",
            ),
            web.host,
            web.port,
            # Bot and workers on one machine share their settings, and only one can have the port.
            fixed_port=self.role != "worker" and "web.port" in self.settings.origins,
        )
        await server.start()
        stack.push_async_callback(server.stop)

    async def _start_bot(self, stack: AsyncExitStack) -> None:
        from core.telegram.dispatcher import Dispatcher
        from core.telegram.intake import Intake
        from core.telegram.recorder import Recorder
        from core.telegram.states import States

        await self._check_token()
        states = States(
            self.db,
            self.redis,
            self.settings.redis.prefix,
            timeout=self.settings.bot.dialog_timeout,
            clock=self._clock,
        )
        stack.push_async_callback(states.close)
        routers = [(plugin, own) for plugin, own in self.routers if plugin in self.plugins]
        dispatcher = Dispatcher(routers, self.wire, self.people, self.i18n, self.hooks, states)
        dispatcher.warm()
        intake = Intake(
            self.settings.intake,
            self.db,
            self.wire,
            dispatcher,
            allowed_updates=dispatcher.allowed_updates(),
            webhook=self.webhook,
            records=Recorder(self.settings.recorder, self.db),
        )
        self.checks.add("core", [intake.health()])
        await intake.start()
        stack.push_async_callback(intake.stop, HANDLERS_DRAIN)

    async def _check_token(self) -> None:
        """Raises Unauthorized for a token that Telegram doesn't know."""
        try:
            me = await self.wire.call("getMe", retries=0)
        except TelegramAway as error:
            log.warning("Telegram is away; the bot goes on trying", error=str(error))
        else:
            log.info("bot", username=me.get("username"))


def build(settings: Settings, role: Role = "all", *, safe_mode: bool = False) -> App:
    """The objects of a process. `safe_mode` loads built-in plugins only. Raises PlugramError."""
    return App(settings, role, safe_mode=safe_mode)


@asynccontextmanager
async def session(settings: Settings, *, start: bool = True) -> AsyncIterator[App]:
    """An app for a command: connected and, if `start`, migrated and with its plugins started;
    serving nobody."""
    # Nobody waits behind a command: beside a bot that writes much it waits longer for its turn.
    wait = max(settings.database.acquire_timeout, _PATIENT)
    database = settings.database.model_copy(update={"acquire_timeout": wait})
    settings = settings.model_copy(update={"database": database})
    async with App(settings, "session").session(start=start) as app:
        yield app


@asynccontextmanager
async def replaying(settings: Settings, folder: Path) -> AsyncIterator[Replayer]:
    """Today's code with nothing around it: `core.telegram.replay`. `folder` takes temporary files.
    On SQLite `settings` name a copy of the database. Raises MigrationError if it isn't up to date.
    """
    from core.db.sealed import seal
    from core.offline import offline
    from core.telegram.replay import Replayer, ReplayWire

    app = App(
        settings,
        "session",
        open_database=lambda known, tables: seal(db.build(known, tables)),
        make_wire=ReplayWire,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(app._close_clients)  # noqa: SLF001 - same module
        await app.db.connect()
        stack.push_async_callback(app.db.close)
        await migrate.check(app.db)
        routers = app.loader.routers()
        from core.telegram.dispatcher import Dispatcher  # with them, aiogram is there in its way
        from core.telegram.states import States

        refused = stack.enter_context(offline(folder))
        notes = [f"{one.id} isn't there: {one.reason}" for one in app.loader.report.quarantined]
        notes += [note async for note in _started(app, stack, settings.hooks.start_timeout)]
        refused.clear()
        states = States(app.db)
        dispatcher = Dispatcher(routers, app.wire, app.people, app.i18n, app.hooks, states)
        if not isinstance(app.wire, ReplayWire):
            raise TypeError("a replay needs its own wire")
        yield Replayer(
            dispatcher,
            app.wire,
            app.db,
            timeout=settings.intake.handler_timeout,
            refused=refused,
            notes=notes,
        )


async def _started(app: App, stack: AsyncExitStack, seconds: float) -> AsyncIterator[str]:
    """Start the plugins, each as far as it gets; what stopped one, in a sentence."""
    for plugin in app.plugins:
        try:
            await app.hooks.call(plugin, specs.on_startup, seconds)
        except Exception as error:  # noqa: BLE001 - offline it may well fail, and still answer
            yield f"{plugin.id} didn't start wholly: {error}"

    async def stop() -> None:
        for plugin in reversed(app.plugins):
            with contextlib.suppress(Exception):
                await app.hooks.call(plugin, specs.on_shutdown, seconds)

    stack.push_async_callback(stop)


def alone(*plugins: str) -> RunOne:
    """What `core.jobs.alone` asks for: the app is made once, each child opens it for one job.

    `plugins`: those of the worker. A child in which one of them didn't start, in time on a busy
    machine, raises PluginError: its job would be done, and that plugin would never hear of it.
    """
    from core import config
    from core import log as logs
    from core.jobs import runner as worker

    settings = config.load()
    logs.configure(settings.log)
    app = build(settings, "worker")

    async def run_one(job_id: int, token: int, owner: str, began: Callable[[], None]) -> None:
        async with app.session(migrated=True):
            missing = set(plugins) - {plugin.id for plugin in app.plugins}
            if missing:
                raise PluginError(f"didn't start for a single job: {', '.join(sorted(missing))}")
            await worker.run_alone(
                app.jobs,
                app.registry(),
                settings.jobs,
                job_id=job_id,
                token=token,
                worker=owner,
                began=began,
            )

    return run_one


def _redis(settings: Settings) -> Any:
    if not settings.redis.url:
        return None
    from redis.asyncio import Redis

    return Redis.from_url(settings.redis.url, socket_connect_timeout=2, socket_timeout=5)


def _on_signals(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if stopping.is_set():
            os._exit(128 + number)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
