"""Loading plugins: find, check, order, import alone, register, start; or set aside and go on.

Nothing that a plugin does here costs the host its start, unless the settings require the plugin.
What runs in a plugin has a time limit. A hanging import or sync hook can't be killed, since it
runs in a thread of this process: it is left behind, and the plugin is set aside.
"""

from __future__ import annotations

import contextvars
import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from core.config import NoSettings, partly_required, unknown_plugins
from core.db.tables import declared
from core.errors import ConfigError, PluginError, PlugramError, RoleError
from core.flags import Flags
from core.host import hookspecs as specs
from core.host.discovery import BUILT_IN, Candidate, discover
from core.host.hooks import Hooks, described
from core.host.ordering import (
    Lineup,
    Quarantine,
    is_on,
    line_up,
    manifest_of,
    tables,
    undeclared,
)
from core.host.plugin import (
    COMMAND,
    Command,
    Context,
    HealthCheck,
    Manifest,
    Parts,
    Plugin,
    PluginSettings,
    Preference,
    Route,
)
from core.host.roles import Processor, Provide
from core.host.services import Services, role_name
from core.i18n import I18n
from core.log import get_logger
from core.sources import nearest
from core.validation import where

if TYPE_CHECKING:
    import typer
    from aiogram import Router

    from core.config import Settings
    from core.db.database import PluginTables

T = TypeVar("T")

log = get_logger("loader")


@dataclass
class LoadReport:
    """What became of the plugins. `quarantined` may still grow until the process is ready."""

    plugins: list[Plugin] = field(default_factory=list)
    """In load order."""
    quarantined: list[Quarantine] = field(default_factory=list)
    disabled: list[Candidate] = field(default_factory=list)

    def find(self, plugin_id: str) -> Plugin | None:
        return next((plugin for plugin in self.plugins if plugin.id == plugin_id), None)


@dataclass(frozen=True, slots=True)
class Inspection:
    """A plugin as `plugram plugins info` shows it, known without importing it."""

    candidate: Candidate
    state: str
    """`on`, `off` or `quarantined`."""
    reason: str
    """Why it is quarantined."""
    tables: Sequence[str]
    whom: str = ""
    """For whom it is on, where not for everybody."""


class Loader:
    """The way of the plugins of one process, from their folders to `on_shutdown`.

    load(make_context) → [database, migrations] → startup() → routers() → ready() → … → shutdown()
    """

    def __init__(
        self,
        settings: Settings,
        *,
        hooks: Hooks | None = None,
        services: Services | None = None,
        i18n: I18n | None = None,
        safe_mode: bool = False,
        built_in: Path = BUILT_IN,
    ) -> None:
        """`safe_mode`: nothing but built-in plugins. Their folder is `built_in`."""
        self.settings = settings
        self.hooks = hooks or Hooks(settings.hooks)
        self.services = services or Services(settings.roles)
        self.i18n = i18n or I18n(settings.bot.language)
        self.flags = Flags(settings.features)
        self.report = LoadReport()
        self._safe_mode = safe_mode
        self._built_in = built_in
        self._patience = settings.hooks.start_timeout
        self._started: list[Plugin] = []
        self._lineup: Lineup | None = None
        self._found: list[Candidate] = []

    # -- without importing

    def discover(self) -> list[Candidate]:
        """Everything that was found, usable or not. Raises nothing."""
        return discover(self.settings.plugins.paths, built_in=self._built_in)

    def order(self, candidates: Sequence[Candidate]) -> Lineup:
        """Who would load, and who wouldn't, as far as manifests tell."""
        lineup = line_up(candidates, self.settings, safe_mode=self._safe_mode)
        self.flags.follow(lineup.needs)
        return lineup

    def inspect(self, candidate: Candidate) -> Inspection:
        """What the host thinks of a candidate."""
        if self._lineup is None:
            self._lineup = self.order(self.discover())
        quarantined = self._lineup.quarantined
        reason = next((one.reason for one in quarantined if one.id == candidate.id), "")
        on = is_on(candidate, self.settings, safe_mode=self._safe_mode)
        state = "quarantined" if reason else "on" if on else "off"
        whom = self.flags.describe(candidate.id) if state == "on" else ""
        return Inspection(candidate, state, reason, tables(candidate.root), whom)

    def check(self, candidate: Candidate) -> list[str]:
        """What keeps a candidate from being published: beside `inspect`'s reason, its settings
        undocumented, its languages incomplete, no README. Nothing is imported."""
        from core.host.publishing import shortcomings

        reason = self.inspect(candidate).reason
        return [*([reason] if reason else []), *shortcomings(candidate)]

    # -- loading

    def load(self, make_context: Callable[[Plugin], Context]) -> LoadReport:
        """Import and register all plugins that are on.

        `make_context` is called once for each plugin, when it is imported and its settings are
        valid. Raises ConfigError with all that is wrong in the settings of built-in plugins, and
        PluginError if a required plugin can't be loaded.
        """
        self.load_modules()
        self.register(make_context)
        return self.report

    def load_modules(self) -> LoadReport:
        """The first half of `load`, for those who need the modules to make contexts: import."""
        candidates = self._found = self.discover()
        lineup = self.order(candidates)
        self.report = LoadReport([], [], lineup.disabled)
        self._vital = {one.id for one in candidates if self._is_vital(one)}
        for quarantine in lineup.quarantined:
            self._note(quarantine)
        problems = unknown_plugins(self.settings, {one.id for one in candidates})
        problems += unknown_names(self.settings, [one.manifest for one in candidates])
        problems += partly_required(self.settings, self._vital)
        for candidate in lineup.order:
            problems += self._import(candidate)
        if problems:
            raise ConfigError(problems, hint="plugram config check")
        self._insist()
        return self.report

    def register(self, make_context: Callable[[Plugin], Context]) -> LoadReport:
        """The second half of `load`: hooks, contexts, and what registration hooks declare."""
        for plugin in list(self.report.plugins):
            reason = self._unmet(plugin)
            if reason:
                self.quarantine(plugin.id, reason, "order")
                continue
            try:
                self._register(plugin, make_context)
            except Exception as error:  # noqa: BLE001 - whatever it is, only this plugin pays
                self.quarantine(plugin.id, described(error), "register", error)
        self._insist()
        return self.report

    def _import(self, candidate: Candidate) -> list[str]:
        """Import one plugin; returns problems of its settings that the operator must mend."""
        manifest = manifest_of(candidate)
        reason = self._unmet(candidate)
        if reason:
            self._note(Quarantine(candidate.id, reason, "order"))
            return []
        try:
            module, model = within(
                self._patience, lambda: _imported(candidate), f"importing {candidate.id}"
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, only this plugin pays
            self._note(Quarantine(candidate.id, described(error), "import"), error)
            return []
        plugin = Plugin(manifest, candidate.root, module, candidate.origin, model)
        plugin.aliases = self.settings.aliases(plugin.id)
        plugin.flags = self.flags
        self.report.plugins.append(plugin)
        try:
            section = self.settings.section(plugin.id, model or NoSettings)
            plugin.settings = section if isinstance(section, PluginSettings) else None
        except ConfigError as error:
            if candidate.origin == "built-in":
                return error.problems
            self.quarantine(plugin.id, "; ".join(error.problems), "settings")
        except Exception as error:  # noqa: BLE001 - a validator of the plugin's own failed
            self.quarantine(plugin.id, described(error), "settings", error)
        return []

    def _register(self, plugin: Plugin, make_context: Callable[[Plugin], Context]) -> None:
        self.hooks.register(plugin)
        plugin.context = make_context(plugin)
        for problem in self._add_locales(plugin):
            log.warning("message left out", plugin=plugin.id, problem=problem)
        plugin.parts = within(
            self._patience, lambda: self._declared(plugin), f"registering {plugin.id}"
        )
        self._check_commands(plugin)
        _check_jobs(plugin)
        _check_processors(plugin)
        for offer in plugin.parts.services:
            if role_name(offer.role) not in plugin.manifest.provides:
                raise PluginError(
                    f"provides {role_name(offer.role)}, which its manifest doesn't say",
                    hint=f'provides = ["{role_name(offer.role)}"]',
                )
            self.services.provide(plugin.id, offer)

    def _add_locales(self, plugin: Plugin) -> list[str]:
        return self.i18n.add(plugin.id, plugin.locales) if plugin.locales else []

    def _declared(self, plugin: Plugin) -> Parts:
        from core.jobs.job import JobSpec

        def ask(spec: Callable[..., Sequence[T]], kind: type[T]) -> list[T]:
            answer = self.hooks.declared(plugin, spec)
            return [] if answer is None else _checked(spec.__name__, answer, kind)

        return Parts(
            commands=ask(specs.commands, Command),
            jobs=ask(specs.jobs, JobSpec),
            services=ask(specs.services, Provide),
            processors=ask(specs.processors, Processor),
            health_checks=ask(specs.health_checks, HealthCheck),
            web_routes=ask(specs.web_routes, Route),
            preferences=ask(specs.preferences, Preference),
        )

    def _check_commands(self, plugin: Plugin) -> None:
        """Commands that were added in code clash as those of manifests do."""
        taken = {
            command.name: other.id
            for other in self.report.plugins
            if other is not plugin and other.context is not None
            for command in other.commands
        }
        for command in plugin.commands:
            if command.name in taken:
                original = command.original or command.name
                raise PluginError(
                    f"its command /{command.name} is taken by {taken[command.name]}",
                    hint=f'[plugins.{plugin.id}.aliases] {original} = "{plugin.id}_{original}"',
                )

    # -- setting aside

    def quarantine(
        self, plugin_id: str, reason: str, stage: str, error: BaseException | None = None
    ) -> None:
        """Take a plugin out, with all that it registered, and those that need it."""
        plugin = self.report.find(plugin_id)
        if plugin is None:
            return
        self.report.plugins.remove(plugin)
        self.hooks.unregister(plugin_id)
        self.services.withdraw(plugin_id)
        plugin.gate = lambda: False
        self._note(Quarantine(plugin_id, reason, stage), error)
        for other in list(self.report.plugins):
            # Those that aren't registered yet are asked when their turn comes.
            if other.context is not None and (unmet := self._unmet(other)):
                self.quarantine(other.id, unmet, "order")

    def _note(self, quarantine: Quarantine, error: BaseException | None = None) -> None:
        self.report.quarantined.append(quarantine)
        log.error(
            "plugin quarantined",
            plugin=quarantine.id,
            stage=quarantine.stage,
            reason=quarantine.reason,
            exc_info=None if isinstance(error, PlugramError) else error,
        )

    def _unmet(self, plugin: Plugin | Candidate) -> str:
        """What a plugin needs and hasn't got by now, or an empty string."""
        manifest = manifest_of(plugin) if isinstance(plugin, Candidate) else plugin.manifest
        reasons = {one.id: one.reason for one in self.report.quarantined}
        for needed in manifest.requires.plugins:
            if self.report.find(needed) is None:
                return f"needs the plugin {needed}, which is quarantined: {reasons.get(needed, '')}"
        if isinstance(plugin, Plugin):
            for role in manifest.requires.roles:
                try:
                    self.services.check(role)
                except RoleError as error:
                    return f"needs the role {role}: {error}"
        return ""

    def _is_vital(self, candidate: Candidate) -> bool:
        """Whether the bot must not run without it although it should be on."""
        manifest = candidate.manifest
        on = is_on(candidate, self.settings, safe_mode=self._safe_mode)
        return manifest is not None and manifest.vital and on

    def _insist(self) -> None:
        """Raises PluginError if a plugin of `[plugins] required`, or a vital one, isn't there."""
        reasons = {one.id: one.reason for one in reversed(self.report.quarantined)}
        off = {candidate.id for candidate in self.report.disabled}
        missing = [
            f"{one}: {reasons.get(one) or ('it is off' if one in off else 'it is not installed')}"
            for one in sorted({*self.settings.plugins.required, *self._vital})
            if self.report.find(one) is None
        ]
        if missing:
            raise PluginError(
                "a required plugin can't be loaded: " + "; ".join(missing),
                hint="mend it, or take it out of [plugins] required and [features]",
            )

    # -- starting and stopping

    async def startup(self) -> None:
        """`on_startup` of each plugin in load order. PluginError if a required one fails."""
        for plugin in list(self.report.plugins):
            if plugin not in self.report.plugins:  # it needed one that failed
                continue
            try:
                await self.hooks.call(plugin, specs.on_startup, self._patience)
            except Exception as error:  # noqa: BLE001 - whatever it is, only this plugin pays
                self.quarantine(plugin.id, described(error), "start", error)
            else:
                self._started.append(plugin)
        self._insist()

    async def ready(self) -> None:
        """Tell who was set aside, and `on_ready`."""
        for quarantine in self.report.quarantined:
            await self.hooks.report_quarantine(quarantine.id, quarantine.reason, quarantine.cause)
        await self.hooks.emit(specs.on_ready)

    async def shutdown(self) -> None:
        """`on_shutdown` of those that started, in reverse order; one that fails is logged."""
        await self.hooks.settle()
        while self._started:
            plugin = self._started.pop()
            try:
                await self.hooks.call(plugin, specs.on_shutdown, self._patience)
            except Exception as error:
                log.error("plugin didn't stop cleanly", plugin=plugin.id, exc_info=error)

    # -- for some processes only

    def routers(self) -> list[tuple[Plugin, list[Router]]]:
        """The routers of all plugins, commands renamed as the settings say; bot processes only."""
        from core import aio

        aio.load()  # first and in this thread: see there
        found = {}
        for plugin in list(self.report.plugins):
            if plugin not in self.report.plugins:  # it needed one that failed
                continue
            try:
                found[plugin.id] = within(
                    self._patience, partial(self._routers, plugin), f"the routers of {plugin.id}"
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, only this plugin pays
                self.quarantine(plugin.id, described(error), "register", error)
        self._insist()
        return [(plugin, found[plugin.id]) for plugin in self.report.plugins]

    def _routers(self, plugin: Plugin) -> list[Router]:
        from aiogram import Router

        from core.host.renaming import rename_commands

        routers = _checked("routers", self.hooks.declared(plugin, specs.routers) or (), Router)
        rename_commands(routers, plugin.aliases)
        return routers

    def tables(self) -> list[PluginTables]:
        """What plugins keep in the database, for `core.db.database.build`. Of those that were found
        and aren't loaded, what their manifests say of it: their rows may be there."""
        from core.db.database import PluginTables

        loaded = {plugin.id for plugin in self.report.plugins}
        others = [
            PluginTables(one.id, tables=declared(one.id, one.manifest.tables))
            for one in self._found
            if one.manifest is not None and one.manifest.tables and one.id not in loaded
        ]
        return [*filter(None, map(_tables, self.report.plugins)), *others]

    def cli(self, plugin: Plugin) -> typer.Typer | None:
        """The sub-commands of a plugin."""
        return self.hooks.declared(plugin, specs.cli)


# -- importing ------------------------------------------------------------------------------------


def _imported(candidate: Candidate) -> tuple[ModuleType, type[PluginSettings] | None]:
    """The module, and its `Settings`: from `settings.py` beside it, or its own."""
    module = _module(candidate)
    home = module
    if candidate.root.is_dir() and (candidate.root / "settings.py").is_file():
        home = importlib.import_module(f"{candidate.module}.settings")
    model = getattr(home, "Settings", None)
    is_model = isinstance(model, type) and issubclass(model, PluginSettings)
    return module, model if is_model else None


def _module(candidate: Candidate) -> ModuleType:
    if candidate.origin != "path":
        return importlib.import_module(candidate.module)
    root = candidate.root
    is_package = root.is_dir()
    spec = importlib.util.spec_from_file_location(
        candidate.module,
        root / "__init__.py" if is_package else root,
        submodule_search_locations=[str(root)] if is_package else None,
    )
    if spec is None or spec.loader is None:
        raise PluginError(f"{root} can't be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[candidate.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[candidate.module]
        raise
    return module


def _check_jobs(plugin: Plugin) -> None:
    names = [spec.name for spec in plugin.parts.jobs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PluginError(
            f"has several jobs called {', '.join(twice)}", hint='give one a name: @job(name="…")'
        )


def _check_processors(plugin: Plugin) -> None:
    """The sandbox's process imports processors by name, and knows no `[plugins] paths`."""
    own = plugin.module.__name__
    if plugin.origin == "path" and any(
        one.target.partition(":")[0].partition(".")[0] == own for one in plugin.parts.processors
    ):
        raise PluginError(
            "a processor's module must be importable by its name in another process",
            hint="install the plugin as a package (`pip install -e` will do)",
        )


def _tables(plugin: Plugin) -> PluginTables | None:
    from core.db.database import PluginTables

    name, root = plugin.module.__name__, plugin.root
    models = f"{name}.models" if (root / "models.py").is_file() else None
    migrations = f"{name}.migrations" if (root / "migrations").is_dir() else None
    known = declared(plugin.id, plugin.manifest.tables)
    if missing := undeclared(root, plugin.manifest):
        said = "tables that nobody guards, exports or erases"
        log.warning(said, plugin=plugin.id, tables=missing, way_out="declare them in its manifest")
    return PluginTables(plugin.id, models, migrations, known) if models or migrations else None


def within(seconds: float, work: Callable[[], T], what: str) -> T:
    """Run sync code of a plugin in a thread of its own, and wait for it so long at most.

    Raises what it raises (SystemExit as PluginError), or PluginError when the time is over.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failure.append(error)

    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(run,), name=what, daemon=True
    )
    thread.start()
    thread.join(seconds)
    if outcome:
        return outcome[0]
    if not failure:
        raise PluginError(f"{what} didn't end within {seconds:g} s")
    if isinstance(failure[0], Exception):
        raise failure[0]
    raise PluginError(f"{what} ended with {described(failure[0])}") from failure[0]


def _checked(hook: str, answer: Iterable[Any], kind: type[T]) -> list[T]:
    if isinstance(answer, (str, bytes)) or not isinstance(answer, Iterable):
        raise PluginError(f"hook {hook} must return a list of {kind.__name__}")
    items = list(answer)
    for item in items:
        if not isinstance(item, kind):
            raise PluginError(f"hook {hook} returned {item!r}, which is no {kind.__name__}")
    return items


def unknown_names(settings: Settings, manifests: Iterable[Manifest | None]) -> list[str]:
    """Roles in [roles] that nobody provides, and new names of commands that Telegram doesn't take.
    (Which commands there are is known when the plugins are loaded: they may add some in code.)"""
    known = [manifest for manifest in manifests if manifest is not None]
    roles = {role for manifest in known for role in manifest.provides}
    problems = [
        f"{where(settings, f'roles.{role}')}roles.{role}: there is no role {role!r}"
        f"{nearest(role, roles)}"
        for role in settings.roles
        if role not in roles
    ]
    for manifest in known:
        for old, new in settings.aliases(manifest.id).items():
            if old in manifest.commands and not COMMAND.fullmatch(new):
                key = f"plugins.{manifest.id}.aliases.{old}"
                problems.append(
                    f"{where(settings, key)}{key}: Telegram takes 1 to 32 of a-z, 0-9 and _, "
                    f"not {new!r}"
                )
    return problems
