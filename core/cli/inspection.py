"""`plugram plugins check`: everything that can be known of a plugin before it is let loose.

It is found, read, imported and registered as the bot would, in this process; what its author has
yet to do before publishing it is read from its files.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from core import config
from core.cli.parts import load_modules
from core.config import Settings
from core.errors import ConfigError, PluginError
from core.host.discovery import Candidate
from core.host.loader import Loader
from core.host.ordering import is_on
from core.host.plugin import Plugin
from core.host.projects import adopt, project_at
from core.host.publishing import shortcomings


@dataclass(frozen=True, slots=True)
class Finding:
    """A plugin, and what is to be said of it."""

    candidate: Candidate
    faults: Sequence[str]
    """Why it doesn't work."""
    lacks: Sequence[str]
    """What is missing to publish it."""
    brings: str = ""
    """What it declares, for people."""

    @property
    def state(self) -> str:
        return "broken" if self.faults else "unfinished" if self.lacks else "ok"


def deployment(settings: Settings) -> list[Finding]:
    """All plugins that are on. What isn't ours to publish isn't searched for what it lacks."""
    faults, plugins = _loaded(settings)
    found = {one.id: one for one in reversed(Loader(settings).discover())}
    blank = Path()
    return [
        _finding(found.get(name, Candidate(name, "path", blank, name)), reasons, plugins.get(name))
        for name, reasons in faults.items()
    ]


def one(plugin_id: str, settings: Settings) -> Finding:
    """A plugin of this deployment, be it on or off."""
    if not settings.features.get(plugin_id, True):
        features = {**settings.features, plugin_id: True}
        settings = settings.model_copy(update={"features": features})
    candidate = next(one for one in Loader(settings).discover() if one.id == plugin_id)
    faults, plugins = _loaded(settings)
    return _finding(candidate, faults.get(plugin_id, []), plugins.get(plugin_id))


def at(path: Path) -> list[Finding]:
    """The plugins of a project, a folder or a file that needn't be installed, in a bot with all
    defaults. Raises PluginError if there is none."""
    path = path.resolve()
    project = project_at(path) if path.is_dir() else None
    if project is not None:
        adopt(project)
        wanted = list(project.plugins)
        settings = config.load(env={}, root=path)
    else:
        settings = config.load(env={}, root=path.parent, overrides={"plugins.paths": [str(path)]})
        wanted = [one.id for one in Loader(settings).discover() if one.origin == "path"]
    candidates = {one.id: one for one in Loader(settings).discover() if one.id in wanted}
    if not candidates:
        raise PluginError(
            f"no plugin in {path}",
            hint="name a project with an entry point `plugram.plugins`, a folder with a plugin.toml"
            " or a file with `manifest = {…}`",
        )
    faults, plugins = _loaded(settings)
    return [
        _finding(candidate, faults.get(name, []), plugins.get(name))
        for name, candidate in candidates.items()
    ]


def _finding(candidate: Candidate, faults: Sequence[str], plugin: Plugin | None) -> Finding:
    lacks = [] if candidate.error else shortcomings(candidate)
    return Finding(candidate, faults, lacks, _brings(plugin) if plugin else "")


def _brings(plugin: Plugin) -> str:
    parts = plugin.parts
    counted: Mapping[str, int] = {
        "command": len(plugin.commands),
        "job": len(parts.jobs),
        "service": len(parts.services),
        "processor": len(parts.processors),
        "preference": len(parts.preferences),
        "health check": len(parts.health_checks),
        "web route": len(parts.web_routes),
        "setting": len(plugin.settings_model.model_fields) if plugin.settings_model else 0,
    }
    told = [f"{count} {what}{'s' * (count != 1)}" for what, count in counted.items() if count]
    return ", ".join(told)


def _loaded(settings: Settings) -> tuple[dict[str, list[str]], dict[str, Plugin]]:
    """Id → what is wrong, for all plugins that are on: manifest, needs, import, settings, hooks,
    and what the hooks declare, handlers too; and those that were loaded."""
    loader = Loader(settings)
    on = [one.id for one in loader.discover() if is_on(one, settings, safe_mode=False)]
    faults: dict[str, list[str]] = {plugin_id: [] for plugin_id in on}
    try:
        load_modules(loader)
        loader = _registered(settings)
    except ConfigError as error:
        for problem in error.problems:
            for plugin_id in on:
                if f"plugins.{plugin_id}." in problem:
                    faults[plugin_id].append(problem)
    except PluginError as error:  # a plugin without which the bot doesn't start
        faults["required"] = [error.message]
    for quarantine in loader.report.quarantined:
        faults.setdefault(quarantine.id, []).append(quarantine.reason)
    return faults, {plugin.id: plugin for plugin in loader.report.plugins}


def _registered(settings: Settings) -> Loader:
    """The loader of an app that is built as for a bot and never opened."""
    from core import aio
    from core import app as composition

    with redirect_stdout(sys.stderr):
        loader = composition.build(settings, role="bot").loader
        aio.load()
        loader.routers()
    return loader
