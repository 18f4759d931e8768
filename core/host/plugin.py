"""What a plugin is, and what it is given."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from core.db.tables import TableEntry
from core.errors import PluginError
from core.flags import Flags

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import structlog
    from starlette.requests import Request
    from starlette.responses import Response

    from core.cache import Cache
    from core.db.database import Database
    from core.db.scope import Scope
    from core.host.hooks import Hooks
    from core.host.roles import Processor, Provide
    from core.host.services import Services
    from core.i18n import I18n, Translate
    from core.jobs.job import JobSpec, PluginJobs
    from core.links import Links
    from core.metrics import PluginMetrics
    from core.people import People
    from core.records import Records
    from core.sandbox import Sandbox
    from core.secrets import Secrets
    from core.telegram.client import Telegram

API_VERSION = "1.0"
"""Version of the plugin API; manifests name the range they need. Policy: docs/plugin-api.md."""

COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_SHORT_NAME = re.compile(r"[a-z0-9_-]{1,16}")
_CHOICE = re.compile(r"[a-z0-9_-]+")
RESERVED_IDS = frozenset(
    {"core", "playground", "plugins", "plugram", "settings"}  # our packages, and their locale ids
    | {"paths", "required", "sections"}  # keys of [plugins]
)

T = TypeVar("T")


class PluginSettings(BaseModel):
    """Base of a plugin's `Settings`: frozen, unknown keys refused, every field with a help text."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Requires(BaseModel):
    """What must be there before this plugin loads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()


class CommandEntry(BaseModel):
    """A command as the manifest declares it. The locale message `command-<name>` of the plugin's
    own catalogue, where there is one, goes before `description`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str
    chats: Literal["all", "private", "group"] = "all"
    role: Literal["user", "admin", "owner"] = "user"


class Manifest(BaseModel):
    """What a plugin says of itself: `plugin.toml`, or the literal `manifest = {…}` of a one-file
    plugin. Read without importing the plugin."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,31}$")
    version: str
    summary: str = Field(min_length=1, max_length=200)
    api: str
    """Range of plugin-API versions as a PEP 440 specifier: `>=1,<2`."""
    requires: Requires = Requires()
    provides: tuple[str, ...] = ()
    """Names of the roles that it provides."""
    after: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    default: bool = True
    """Whether it is on where `[features]` doesn't name it."""
    vital: bool = False
    """While it is on, a host that can't load it doesn't start: for those who guard the door."""
    asked_last: bool = False
    """Its handlers are asked after everybody else's: for those who take any text."""
    commands: Mapping[str, CommandEntry] = Field(default_factory=dict)
    cli: str = ""
    """Name of its group of `plugram` sub-commands."""
    extras: tuple[str, ...] = ()
    """Extras of the distribution that it needs installed."""
    tables: Mapping[str, TableEntry] = Field(default_factory=dict)
    """Whose rows its tables hold, by full name: from it come row-level security, export, erase and
    retention."""
    permissions: tuple[str, ...] = ()
    """Of `read_messages`, `send_to_many`, `network:<host>`, `secrets:<name>`."""
    data: str = ""
    """What it keeps about people, in one sentence."""
    degradation: str = ""
    """What still works when something it needs is away, in one sentence."""

    @field_validator("id")
    @classmethod
    def _free_id(cls, value: str) -> str:
        if value in RESERVED_IDS:
            raise ValueError(f"{value!r} is the host's own name")
        return value

    @field_validator("commands")
    @classmethod
    def _telegram_names(cls, value: Mapping[str, CommandEntry]) -> Mapping[str, CommandEntry]:
        for name in value:
            if not COMMAND.fullmatch(name):
                raise ValueError(f"{name!r}: Telegram takes 1 to 32 of a-z, 0-9 and _")
        return value

    @model_validator(mode="after")
    def _own_tables(self) -> Self:
        foreign = [name for name in self.tables if not name.startswith(f"{self.id}_")]
        if foreign:
            raise ValueError(f"its tables must be named {self.id}_…: {', '.join(foreign)}")
        return self

    @field_validator("commands", mode="before")
    @classmethod
    def _short_commands(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {
            name: {"description": entry} if isinstance(entry, str) else entry
            for name, entry in value.items()
        }


@dataclass(frozen=True, slots=True)
class Command:
    """A bot command: from the manifest, or added in code by the `commands` hook."""

    name: str
    """What people type after the slash; an alias of the deployment's, where there is one."""
    description: str
    chats: Literal["all", "private", "group"] = "all"
    role: Literal["user", "admin", "owner"] = "user"
    original: str = ""
    """The plugin's own name for a command that the deployment renamed."""

    @property
    def message(self) -> str:
        """The locale message with its text for menus."""
        return f"command-{self.original or self.name}"


@dataclass(frozen=True, slots=True)
class Preference:
    """A choice in /settings: a person's own, or one that the administrators of a group make for all
    in it. Its title is the locale message `<plugin>-preference-<name>`, a
    choice's label `<plugin>-preference-<name>-<choice>`; both are of a–z, 0–9, - and _."""

    name: str
    """At most 16 characters: buttons carry it."""
    choices: Sequence[str]
    default: str
    chats: Literal["all", "private", "group"] = "private"
    """`private`: each person chooses. `group`: each group. `ctx.people.preference` is asked with
    the id of one or the other."""

    def __post_init__(self) -> None:
        if not _SHORT_NAME.fullmatch(self.name):
            raise PluginError(f"preference {self.name!r}: 1 to 16 of a–z, 0–9, - and _")
        for choice in self.choices:
            if not _CHOICE.fullmatch(choice):
                raise PluginError(f"preference {self.name}: choice {choice!r} can't be in a key")
        if self.default not in self.choices:
            raise PluginError(f"preference {self.name}: {self.default!r} is none of its choices")


@dataclass(frozen=True, slots=True)
class Health:
    """Answer of a health check."""

    ok: bool
    detail: str = ""
    hint: str = ""
    """What the operator can do; shown by `plugram doctor`."""
    degraded: bool = False
    """Works, with less: readiness stays green."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Something that a plugin needs, and how to see whether it is there."""

    name: str
    check: Callable[[], Awaitable[Health]]
    """For /readyz: cheap, answers within 5 s."""
    examine: Callable[[], Awaitable[Health]] | None = None
    """What `plugram doctor` asks instead: thorough, within 30 s, and changes nothing that stays.
    It needs no database."""
    at_start: Callable[[], Awaitable[Health]] | None = None
    """Asked before a bot or a worker starts, without a database, within 30 s: where it says more
    than "degraded" is wrong, nothing starts."""


@dataclass(frozen=True, slots=True)
class Route:
    """An HTTP route under `/<plugin id>/`."""

    path: str
    endpoint: Callable[[Request], Awaitable[Response]]
    methods: Sequence[str] = ("GET",)


@dataclass(frozen=True)
class Context:
    """A plugin's handle on the host: the one argument that every hook, handler and job can ask for.

    Each plugin has its own; names (jobs, cache keys, metrics, locale messages) are its own too.
    """

    plugin_id: str
    settings: Any
    """The plugin's validated `Settings`, None if it declares none; `config(Settings)` types it."""
    db: Database
    jobs: PluginJobs
    cache: Cache
    links: Links
    """Signed links to its web routes, where the deployment has a public address."""
    records: Records
    """What is kept of a person in all tables, by the inventory: for those who export or erase."""
    secrets: Secrets
    """Encrypts what is kept in the database and nobody may read there."""
    telegram: Telegram
    hooks: Hooks
    services: Services
    people: People
    i18n: I18n
    metrics: PluginMetrics
    sandbox: Sandbox
    log: structlog.stdlib.BoundLogger
    data_dir: Path
    """A folder of its own under the deployment's data folder; made at first use by `folder()`."""
    plugins: Callable[[], Sequence[Plugin]]
    """The loaded plugins in load order (for menus and overviews)."""
    deployment: str = "plugram"
    """`[deployment] name`: what a plugin keeps on servers that others use too begins with it."""
    _made: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def config(self, model: type[T]) -> T:
        """The settings, typed: `ctx.config(Settings).page_size`."""
        return cast("T", self.settings)

    def once(self, make: Callable[[Context], T]) -> T:
        """What `make(ctx)` gives, made at first use and then kept: one of a kind per process."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("T", self._made[make])

    def command(self, name: str) -> str:
        """What people type for a command of its own: the deployment may have renamed it."""
        own = [plugin for plugin in self.plugins() if plugin.id == self.plugin_id]
        commands = [command for plugin in own for command in plugin.commands]
        return next((one.name for one in commands if one.original == name), name)

    def require(self, role: type[T]) -> T:
        """The provider of a role. Raises RoleError, which says what to switch on."""
        return self.services.require(role)

    def transaction(self, scope: Scope) -> AbstractAsyncContextManager[None]:
        """One transaction in a scope; models, `db` and `jobs.enqueue` inside share it."""
        return self.db.transaction(scope)

    def translate(self, language: str) -> Translate:
        """`t("files-received", name="a.pdf")` in a language."""
        return self.i18n.bound(language, self.plugin_id)

    def folder(self) -> Path:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        return self.data_dir


@dataclass
class Parts:
    """What a plugin's registration hooks declared; for routers only bot processes ask, later."""

    commands: Sequence[Command] = ()
    jobs: Sequence[JobSpec] = ()
    services: Sequence[Provide] = ()
    processors: Sequence[Processor] = ()
    health_checks: Sequence[HealthCheck] = ()
    web_routes: Sequence[Route] = ()
    preferences: Sequence[Preference] = ()


@dataclass
class Plugin:
    """A loaded plugin."""

    manifest: Manifest
    root: Path
    """Its folder, or its single file."""
    module: ModuleType
    origin: Literal["built-in", "installed", "path"]
    settings_model: type[PluginSettings] | None
    settings: PluginSettings | None = None
    """Its validated section."""
    context: Context | None = None
    """Set by the loader before any hook is called."""
    gate: Callable[[], bool] = field(default=lambda: True)
    """Live answer to "may it act now?": breaker closed, not quarantined."""
    flags: Flags = field(default_factory=Flags)
    """Live answer to "for whom?"."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The deployment's names for commands and the CLI group: `[plugins.<id>.aliases]`."""
    parts: Parts = field(default_factory=Parts)

    @property
    def id(self) -> str:
        return self.manifest.id

    def serves(self, user: int | None, chat: int | None) -> bool:
        """Whether it may act now for a person in a chat."""
        return self.gate() and self.flags.enabled(self.id, user, chat)

    @property
    def serves_all(self) -> bool:
        """Whether everybody has it, wherever."""
        return self.flags.is_for_all(self.id)

    @property
    def locales(self) -> Path | None:
        """The folder of its catalogues; a one-file plugin has none."""
        return self.root / "locales" if self.root.is_dir() else None

    @property
    def commands(self) -> list[Command]:
        """All its commands under the names that people type."""
        declared = [
            Command(name, entry.description, entry.chats, entry.role)
            for name, entry in self.manifest.commands.items()
        ]
        return [self._renamed(command) for command in [*declared, *self.parts.commands]]

    def _renamed(self, command: Command) -> Command:
        alias = self.aliases.get(command.name)
        return replace(command, name=alias, original=command.name) if alias else command

    @property
    def cli_name(self) -> str:
        """The name of its CLI group, or an empty string."""
        return self.aliases.get(self.manifest.cli, self.manifest.cli)

    @property
    def ctx(self) -> Context:
        if self.context is None:
            raise RuntimeError(f"plugin {self.id} has no context yet")
        return self.context
