"""Plugins in a host without intake and worker: real database, real Bot API of the playground."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import typer

from core.cache import Cache
from core.config import Settings
from core.db import database, migrate
from core.db.database import Database
from core.host.discovery import discover
from core.host.loader import Loader
from core.host.plugin import Context, Plugin
from core.jobs.job import Jobs, PluginJobs, RegisteredJob
from core.links import Links
from core.log import get_logger
from core.metrics import PluginMetrics
from core.people import People
from core.records import Records
from core.sandbox import Sandbox
from core.secrets import Secrets, keyring
from core.telegram.client import Telegram
from core.telegram.outgoing import Limiter
from core.telegram.wire import Wire


class Factory(Protocol):
    def __call__(self, **overrides: object) -> Settings: ...


def only(*plugin_ids: str) -> dict[str, object]:
    """Overrides for `settings_factory` that leave no other built-in plugin on."""
    return {
        f"features__{candidate.id}": candidate.id in plugin_ids
        for candidate in discover([])
        if candidate.origin == "built-in"
    }


@dataclass
class Host:
    """The loaded plugins and what they stand on."""

    loader: Loader
    db: Database
    people: People
    telegram: Telegram
    jobs: Jobs

    def plugin(self, plugin_id: str) -> Plugin:
        found = self.loader.report.find(plugin_id)
        assert found is not None, self.loader.report.quarantined
        return found

    def ctx(self, plugin_id: str) -> Context:
        return self.plugin(plugin_id).ctx

    async def queued(self, name: str) -> list[dict[str, Any]]:
        """The arguments of the jobs that wait under a name, oldest first."""
        rows = await self.jobs.find(name=name)
        return [dict(row.args) for row in reversed(rows)]


async def run_command(loader: Loader, plugin_id: str, *words: str) -> str:
    """What a plugin's command prints; its functions are coroutines, as the CLI awaits them."""
    plugin = loader.report.find(plugin_id)
    assert plugin is not None
    group = loader.cli(plugin)
    assert group is not None
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        waiting: Any = typer.main.get_command(group).main(list(words), standalone_mode=False)
        if waiting is not None:
            with contextlib.suppress(typer.Exit):
                await waiting
    return out.getvalue()


@asynccontextmanager
async def host(settings: Settings, *, token: str = "1:none") -> AsyncIterator[Host]:
    """Everything up to `on_startup`; closed at the end."""
    loader = Loader(settings)
    loader.load_modules()
    db = database.build(settings, loader.tables())
    wire = Wire(token, settings.bot.api_base, settings.http, Limiter(settings.outgoing))
    made = Host(
        loader=loader,
        db=db,
        people=People(db, settings.bot, loader.i18n),
        telegram=Telegram(wire),
        jobs=Jobs(db),
    )
    loader.register(lambda plugin: _context(made, settings, plugin))
    async with db:
        await migrate.apply(db)
        made.jobs.registry = {
            registered.name: registered
            for plugin in loader.report.plugins
            for spec in plugin.parts.jobs
            for registered in [RegisteredJob(plugin.id, spec, plugin.ctx)]
        }
        await loader.startup()
        try:
            yield made
        finally:
            await loader.shutdown()
            await wire.close()


def _context(host: Host, settings: Settings, plugin: Plugin) -> Context:
    return Context(
        plugin_id=plugin.id,
        settings=plugin.settings,
        db=host.db,
        jobs=PluginJobs(plugin.id, host.jobs),
        cache=Cache().namespaced(plugin.id),
        links=Links(plugin.id, settings.web, "1:secret"),
        records=Records(host.db, host.people, settings.data_dir),
        secrets=Secrets(plugin.id, keyring(settings)),
        telegram=host.telegram,
        hooks=host.loader.hooks,
        services=host.loader.services,
        people=host.people,
        i18n=host.loader.i18n,
        metrics=PluginMetrics(plugin.id),
        sandbox=Sandbox(settings),
        log=get_logger(plugin.id),
        deployment=settings.deployment.name,
        data_dir=settings.data_dir / plugin.id,
        plugins=lambda: host.loader.report.plugins,
    )
