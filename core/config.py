"""Settings: read once, checked together, frozen.

`load` gives them or raises one ConfigError with everything that is wrong. `read` gives what could
be read beside the list of problems, so that `plugram run` and `plugram config check` can add those
of the plugins' sections to the same report.

A setting is declared in one place, its field below: type, default, limits and help.
`settings/default.toml` and `docs/settings.md` are written from the fields.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)

from core import log
from core.errors import ConfigError
from core.secrets import read_keys
from core.sources import ENVIRONMENTS, Alias, Origin, Sources, Tree, gather, leaves, nearest
from core.validation import register_secrets, validate, where

__all__ = ["Origin", "Settings", "load", "read", "validate_sections"]

M = TypeVar("M", bound=BaseModel)


# -- the settings -------------------------------------------------------------------------------


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )


def _token(value: SecretStr | None) -> SecretStr | None:
    if value and not re.fullmatch(r"\d+:[A-Za-z0-9_-]+", value.get_secret_value()):
        raise ValueError("doesn't look like a bot token (123456789:AA…), as @BotFather gives it")
    return value


def _http_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise ValueError("must be a URL such as https://api.telegram.org")
    return value.rstrip("/")


def _webhook_secret(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not re.fullmatch(r"[\w-]{1,256}", value.get_secret_value(), re.ASCII):
        raise ValueError("must be 1 to 256 of A–Z, a–z, 0–9, _ and -")
    return value


def _keys(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        for key in read_keys(value.get_secret_value()):
            log.secret(key.text)
    return value


def _webhook_path(value: str) -> str:
    if not re.fullmatch(r"/[\w./-]+", value, re.ASCII):
        raise ValueError("must be a path such as /telegram, of letters, digits, . _ - and /")
    if value in ("/healthz", "/readyz"):
        raise ValueError(f"{value} is the health checks'")
    return value


def _http_url_or_none(value: str) -> str:
    return _http_url(value) if value else ""


_QUOTED = "in a password / # ? @ : [ ] are written %2F %23 %3F %40 %3A %5B %5D"
_DATABASES = {"postgres": "postgresql", "postgresql": "postgresql", "sqlite": "sqlite"}


def _database_url(value: str) -> str:
    """Drops drivers and short names: `postgresql+asyncpg://…`, `postgres://…`, `sqlite+…://…`."""
    if not value:
        return ""
    scheme, separator, rest = value.partition("://")
    dialect = _DATABASES.get(scheme.partition("+")[0].lower())
    if not separator or dialect is None:
        raise ValueError("must start with postgresql:// or sqlite:///")
    if dialect == "sqlite":
        return f"sqlite://{rest}"
    parts = _split(f"{dialect}://{rest}")
    if not parts.hostname and "host=" not in parts.query:
        raise ValueError("names no host")
    return urlunsplit(parts)


def _redis_url(value: str) -> str:
    if value and not re.match(r"(rediss?|unix)://.", value):
        raise ValueError("must start with redis://, rediss:// or unix://")
    _split(value)
    return value


def _split(url: str) -> SplitResult:
    """A server's address in parts. The error quotes nothing: a password may be in any part."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(f"can't be read, or its port is no number; {_QUOTED}") from None
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        raise ValueError(f"can't be read; {_QUOTED}")
    return parts


def _many(value: object) -> object:
    """A single number where several may stand: `ADMIN_TELEGRAM_ID=7`."""
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


class Rollout(_Section):
    """`[features]` of a plugin that not everybody has."""

    users: Annotated[tuple[Annotated[int, Field(gt=0)], ...], BeforeValidator(_many)] = Field(
        default=(), description="Telegram ids of people who have it, in every chat."
    )
    chats: Annotated[tuple[int, ...], BeforeValidator(_many)] = Field(
        default=(), description="Ids of chats in which everybody has it."
    )
    percent: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="Share of all others who have it; who is in stays in when it grows.",
    )


class DeploymentSettings(_Section):
    name: str = Field(
        default="",
        pattern=r"^[a-z][a-z0-9_]{0,39}$|^$",
        description="What this deployment is called; all that it keeps outside of itself is named "
        "by it: the keys in Redis, the database, objects in a bucket, the data folder. Empty: "
        "`plugram` in production, `plugram_<environment>` elsewhere.",
    )


class BotSettings(_Section):
    token: Annotated[SecretStr | None, AfterValidator(_token)] = Field(
        default=None, description="Token of the bot, as @BotFather gives it. Needed to run."
    )
    api_base: Annotated[str, AfterValidator(_http_url)] = Field(
        default="https://api.telegram.org", description="Base URL of the Bot API server."
    )
    owner: int | None = Field(default=None, gt=0, description="Telegram id of the owner.")
    admins: Annotated[tuple[Annotated[int, Field(gt=0)], ...], BeforeValidator(_many)] = Field(
        default=(), description="Telegram ids of the administrators."
    )
    language: str = Field(
        default="en",
        pattern=r"^[a-z]{2}$",
        description="Language of people whose own isn't spoken here.",
    )
    dialog_timeout: float = Field(
        default=3600.0,
        ge=60,
        le=30 * 86400,
        description="Seconds after which a question to somebody that wasn't answered is forgotten.",
    )


class DatabaseSettings(_Section):
    url: Annotated[str, AfterValidator(_database_url)] = Field(
        default="",
        repr=False,
        description="`postgresql://user:password@host/name` or `sqlite:///path`; without a name, "
        "the one in `[deployment] name`. Empty: SQLite in `data_dir`.",
    )
    pool_size: int = Field(
        default=10, ge=1, le=500, description="Connections of a process to PostgreSQL."
    )
    max_overflow: int = Field(
        default=0,
        ge=0,
        le=500,
        description="Connections beyond `pool_size` under load, closed again after it.",
    )
    acquire_timeout: float = Field(
        default=4.0, gt=0, le=300, description="Seconds to wait for a free connection."
    )
    recycle: float = Field(
        default=3600.0,
        ge=0,
        le=86400,
        description="Seconds after which a connection is replaced; 0: never.",
    )
    pre_ping: bool = Field(
        default=False,
        description="Ask a connection whether it lives before each use, where a firewall drops"
        " idle ones without a word.",
    )
    replica_url: Annotated[str, AfterValidator(_database_url)] = Field(
        default="",
        repr=False,
        description="A read replica of the PostgreSQL database, from which search reads what has"
        " arrived there. Empty: none.",
    )
    statement_timeout: float = Field(
        default=30.0, gt=0, le=3600, description="Seconds after which a statement is stopped."
    )
    synchronous: Literal["normal", "full"] = Field(
        default="normal",
        description="SQLite: `full` survives a power cut without losing the last commits, slower.",
    )
    migrate: Literal["auto", "manual"] = Field(
        default="auto",
        description="`auto` migrates at start; `manual` waits for `plugram db migrate`.",
    )


class RedisSettings(_Section):
    url: Annotated[str, AfterValidator(_redis_url)] = Field(
        default="", repr=False, description="`redis://host:6379/0`. Empty: works without Redis."
    )
    prefix: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]{0,64}$",
        description="Start of every key and channel. Empty: `[deployment] name`.",
    )


class JobsSettings(_Section):
    slots: int = Field(default=10, ge=1, le=1000, description="Jobs that a worker runs at a time.")
    lease: float = Field(
        default=8.0,
        ge=0.2,
        le=600,
        description="Seconds without a heartbeat until a job is taken over.",
    )
    heartbeat: float = Field(default=2.0, ge=0.02, le=60, description="Seconds between heartbeats.")
    reconcile: float = Field(
        default=2.0,
        ge=0.02,
        le=60,
        description="Seconds between searches for abandoned and due jobs.",
    )
    timeout: float = Field(
        default=300.0,
        gt=0,
        le=86400,
        description="Seconds that a job may take if it doesn't say itself.",
    )
    attempts: int = Field(
        default=5, ge=1, le=100, description="Tries until a job is set aside as a dead letter."
    )
    backoff_base: float = Field(
        default=2.0,
        ge=1,
        le=60,
        description="Seconds to the first retry, and the factor of the next ones.",
    )
    backoff_max: float = Field(
        default=600.0,
        ge=1,
        le=86400,
        description="The longest pause between two tries, in seconds.",
    )
    keep_done: float = Field(
        default=7.0, ge=0, le=3650, description="Days until a finished job is forgotten."
    )
    drain: float = Field(
        default=25.0,
        ge=0,
        le=3600,
        description="Seconds that a stopping worker waits for its jobs; what is left runs again.",
    )
    keep_dead: float = Field(
        default=90.0,
        ge=0,
        le=3650,
        description="Days until a dead letter is forgotten that nobody tried again; 0: it stays.",
    )
    in_process: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="Whether the bot's process runs jobs; `auto`: when there is no Redis.",
    )

    @model_validator(mode="after")
    def _beats_within_lease(self) -> JobsSettings:
        if self.heartbeat * 2 > self.lease:
            raise ValueError("jobs.lease must be at least twice jobs.heartbeat")
        return self


class IntakeSettings(_Section):
    mode: Literal["polling", "webhook"] = Field(
        default="polling",
        description="How updates come in: asked for, or brought to `[web] public_url`.",
    )
    webhook_path: Annotated[str, AfterValidator(_webhook_path)] = Field(
        default="/telegram",
        description="Path of the webhook below `[web] public_url`.",
    )
    webhook_secret: Annotated[SecretStr | None, AfterValidator(_webhook_secret)] = Field(
        default=None,
        description="What Telegram proves itself with: 1 to 256 of A–Z, a–z, 0–9, _ and -. Not "
        "set: one made of the token.",
    )
    webhook_connections: int = Field(
        default=40, ge=1, le=100, description="Updates that Telegram brings at a time."
    )
    poll_timeout: int = Field(
        default=30, ge=0, le=50, description="Seconds that a request for updates waits for one."
    )
    concurrency: int = Field(default=64, ge=1, le=1000, description="Updates handled at a time.")
    handler_timeout: float = Field(
        default=10.0,
        gt=0,
        le=300,
        description="Seconds that a handler may take; longer work is a job.",
    )
    attempts: int = Field(
        default=3,
        ge=1,
        le=20,
        description="Tries until an update is set aside and its chat goes on.",
    )
    keep: float = Field(
        default=48.0, ge=0, le=8760, description="Hours that handled updates are kept."
    )
    partition_lease: float = Field(
        default=5.0,
        ge=0.1,
        le=60,
        description="Seconds after which another process takes over chats.",
    )


class RecorderSettings(_Section):
    enabled: bool = Field(
        default=True,
        description="Record what happens about each update, for `plugram updates` and "
        "`plugram replay`.",
    )
    keep: float = Field(
        default=48.0,
        ge=0,
        le=8760,
        description="Hours that recordings are kept. What people wrote is in them; replaying one "
        "takes its update too, which `[intake] keep` keeps.",
    )
    megabytes: int = Field(
        default=64, ge=1, le=100_000, description="Of all recordings; the oldest make room."
    )
    record_kb: int = Field(
        default=32,
        ge=1,
        le=1024,
        description="Of one recording, in KB; what is longer is shortened.",
    )


class OutgoingSettings(_Section):
    per_second: float = Field(
        default=30.0, gt=0, le=1000, description="Messages a second, all chats."
    )
    per_chat_per_second: float = Field(
        default=1.0, gt=0, le=30, description="Messages a second to one chat."
    )
    per_group_per_minute: float = Field(
        default=20.0, gt=0, le=600, description="Messages a minute to one group."
    )
    bulk_reserve: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="Share of `per_second` that bulk messages leave to replies.",
    )
    paid_broadcast: bool = Field(
        default=False, description="Pay Stars to send up to 1000 messages a second."
    )


class HttpSettings(_Section):
    timeout: float = Field(
        default=30.0, gt=0, le=600, description="Seconds that a request may take."
    )
    download_timeout: float = Field(
        default=300.0, gt=0, le=7200, description="Seconds that the download of a file may take."
    )
    retries: int = Field(
        default=3, ge=0, le=20, description="Further tries after a failure that may pass."
    )
    backoff_base: float = Field(
        default=2.0,
        ge=1,
        le=60,
        description="Seconds to the first retry, and the factor of the next ones.",
    )


class WebSettings(_Section):
    enabled: bool = Field(default=True, description="Serve health checks and plugins' pages.")
    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(
        default=8081, ge=0, le=65535, description="Port to listen on; 0: any free one."
    )
    public_url: Annotated[str, AfterValidator(_http_url_or_none)] = Field(
        default="",
        description="Address under which the internet reaches this port, behind a proxy with TLS: "
        "`https://bot.example.com`. Without it chats get no links to files.",
    )
    link_seconds: int = Field(
        default=600, ge=10, le=600, description="Seconds for which a link to a file works."
    )


class LogSettings(_Section):
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important events to log."
    )
    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="`auto`: console on a terminal, else one JSON object a line."
    )


class HooksSettings(_Section):
    timeout: float = Field(
        default=5.0, gt=0, le=300, description="Seconds that a plugin's hook may take."
    )
    breaker_failures: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="Failures within `breaker_window` that pause a plugin.",
    )
    breaker_window: float = Field(default=60.0, gt=0, le=86400, description="In seconds.")
    breaker_pause: float = Field(
        default=30.0, gt=0, le=86400, description="Seconds until a paused plugin is tried again."
    )
    trace: bool = Field(
        default=False, description="Log which plugin saw or claimed what, with timings."
    )
    start_timeout: float = Field(
        default=8.0, gt=0, le=600, description="Seconds that a plugin may take to start."
    )
    loop_limit: float = Field(
        default=2.0,
        ge=0,
        le=300,
        description="Seconds that a plugin may hold the event loop until it is paused; 0: any.",
    )


class SandboxSettings(_Section):
    """What the child process that reads a file may use.

    A processor may ask for more memory or time than the usual, up to `max_…`."""

    memory_mb: int = Field(
        default=512,
        ge=64,
        le=65536,
        description="Megabytes of memory to read a file, libraries included.",
    )
    cpu_seconds: int = Field(
        default=10, ge=1, le=3600, description="Seconds of processor time to read a file."
    )
    wall_seconds: float = Field(
        default=20.0, ge=1, le=7200, description="Seconds until reading a file is given up."
    )
    max_memory_mb: int = Field(
        default=2048,
        ge=64,
        le=65536,
        description="The most that a processor which asks for more than `memory_mb` is given.",
    )
    max_cpu_seconds: int = Field(
        default=120,
        ge=1,
        le=3600,
        description="The most that a processor which asks for more than `cpu_seconds` is given.",
    )
    max_wall_seconds: float = Field(
        default=180.0,
        ge=1,
        le=7200,
        description="The most that a processor which asks for more than `wall_seconds` is given.",
    )
    output_mb: int = Field(
        default=64, ge=1, le=1024, description="Megabytes of text that a file may give."
    )
    unpacked_mb: int = Field(
        default=200,
        ge=1,
        le=65536,
        description="Megabytes that an archive may unpack to, with the archives in it.",
    )
    archive_ratio: int = Field(
        default=100,
        ge=2,
        le=100_000,
        description="How many times its size an archive may unpack to, if that is over 20 MB.",
    )
    archive_entries: int = Field(
        default=10_000,
        ge=1,
        le=10_000_000,
        description="Entries that an archive may have, with the archives in it.",
    )
    archive_depth: int = Field(
        default=3, ge=0, le=20, description="How deep archives may lie in archives."
    )
    concurrency: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Files that a process reads at a time; 0: as many as the machine has cores.",
    )


class PluginsSettings(_Section):
    """`[plugins]`; its tables are the plugins' own `sections`."""

    paths: tuple[Path, ...] = Field(
        default=(), description="Folders with more plugins, or single files, relative to the root."
    )
    required: tuple[str, ...] = Field(
        default=(), description="Ids of plugins without which the bot must not start."
    )
    sections: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        repr=False,
        description="`[plugins.<id>]`: the settings of a plugin, see its README. "
        "`[plugins.<id>.aliases]` renames its commands where they clash.",
    )


class Settings(_Section):
    """All settings of a deployment. Plugins' sections are validated by `section`."""

    data_dir: Path = Field(
        default=Path("data"),
        description="Folder for all local state, relative to the root. Not set, in a deployment "
        "that isn't called `plugram`: `data-<name>`.",
    )
    environments: tuple[str, ...] = Field(
        default=(), description=f"Names of environments beside {', '.join(ENVIRONMENTS)}."
    )
    preset: str = Field(default="", description="What bot it is: a file of settings/presets.")
    encryption_key: Annotated[SecretStr | None, AfterValidator(_keys)] = Field(
        default=None,
        description="What encrypts secrets in the database, as `plugram keys new` makes it; "
        "several, the newest first, while they are exchanged. Not set: a file in `data_dir`.",
    )
    deployment: DeploymentSettings = Field(default_factory=DeploymentSettings)
    bot: BotSettings = Field(default_factory=BotSettings)
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    redis: RedisSettings = Field(default_factory=RedisSettings)
    jobs: JobsSettings = Field(default_factory=JobsSettings)
    intake: IntakeSettings = Field(default_factory=IntakeSettings)
    recorder: RecorderSettings = Field(default_factory=RecorderSettings)
    outgoing: OutgoingSettings = Field(default_factory=OutgoingSettings)
    http: HttpSettings = Field(default_factory=HttpSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    hooks: HooksSettings = Field(default_factory=HooksSettings)
    sandbox: SandboxSettings = Field(default_factory=SandboxSettings)
    features: dict[str, bool | Rollout] = Field(
        default_factory=dict,
        description="Plugin id → on, off, or for whom: `{ users = [1], chats = [-100], percent = "
        "20 }`; built-in ones are on.",
    )
    roles: dict[str, str] = Field(
        default_factory=dict,
        description='Role → provider, where several are on: `embedder = "embeddings.offline"`.',
    )
    plugins: PluginsSettings = Field(default_factory=PluginsSettings)

    _sources: Sources = PrivateAttr()
    _validated: dict[str, BaseModel] = PrivateAttr(default_factory=dict)

    @property
    def root(self) -> Path:
        """Folder of settings.toml; relative paths start here."""
        return self._sources.root

    @property
    def environment(self) -> str:
        return self._sources.environment

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Where each value came from, by dotted key. What isn't there has its default."""
        return self._sources.origins

    @property
    def unused(self) -> list[str]:
        """Variables that are set and do nothing, a sentence each. Complete once the sections of
        all enabled plugins are validated."""
        return [_idle(alias) for alias in self._sources.aliases if not alias.used]

    def aliases(self, plugin_id: str) -> dict[str, str]:
        """What `[plugins.<id>.aliases]` renames: old name → new name."""
        table = self.plugins.sections.get(plugin_id, {}).get("aliases", {})
        return {str(old): str(new) for old, new in table.items()} if _is_names(table) else {}

    def section(self, plugin_id: str, model: type[M]) -> M:
        """A plugin's settings, validated by its model. Raises ConfigError with all problems."""
        known = self._validated.get(plugin_id)
        if isinstance(known, model):
            return known
        value, problems = _section(self, plugin_id, model)
        if problems or value is None:
            raise ConfigError(problems, hint=_HINT)
        self._validated[plugin_id] = value
        register_secrets(value)
        return value


# -- reading ------------------------------------------------------------------------------------

_HINT = "plugram config check; all settings: docs/settings.md"


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read. Wrong values are left out of `settings` and told of in `problems`."""

    settings: Settings
    problems: list[str]


def load(
    *,
    env: Mapping[str, str] | None = None,
    root: Path | None = None,
    environment: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of this deployment.

    `env` stands in for the process's variables and `.env`, `root` for PLUGRAM_ROOT, `environment`
    for PLUGRAM_ENV; `overrides` (dotted key → value) goes over everything.
    Raises ConfigError with all that is wrong.
    """
    reading = read(env=env, root=root, environment=environment, overrides=overrides)
    if reading.problems:
        raise ConfigError(reading.problems, hint=_HINT)
    return reading.settings


def read(
    *,
    env: Mapping[str, str] | None = None,
    root: Path | None = None,
    environment: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Reading:
    """Like `load`, but gives the problems beside the settings."""
    sources = gather(root=root, env=env, environment=environment, overrides=overrides or {})
    for key, value in leaves(sources.tree):
        if isinstance(value, str) and log.is_secret_name(key.rpartition(".")[2]):
            log.secret(value)
    tree, problems = _with_sections(sources)
    value, wrong = validate(Settings, tree, "", sources)
    problems += [*wrong, *_for_nobody(sources)]
    settings = _at_home(value or Settings(), sources)
    settings._sources = sources  # noqa: SLF001 - its own attribute, set once
    register_secrets(settings)
    return Reading(settings, [*sources.problems, *problems])


def _for_nobody(sources: Sources) -> list[str]:
    """Features that name nobody, not even nobody (`percent = 0`)."""
    features = sources.tree.get("features")
    return [
        f"{where(sources, key)}{key} must be true, false or say for whom: users, chats, percent"
        for name, said in (features.items() if isinstance(features, dict) else ())
        if said == {} and (key := f"features.{name}")
    ]


def _with_sections(sources: Sources) -> tuple[Tree, list[str]]:
    """The tree with the tables below [plugins] gathered as its `sections`."""
    plugins = sources.tree.get("plugins", {})
    own = PluginsSettings.model_fields.keys() - {"sections"}
    tables = {name: value for name, value in plugins.items() if name not in own}
    problems = [
        f"{where(sources, key)}{key} is not a setting; plugins' settings are tables: "
        f"[plugins.{name}]{nearest(name, own)}"
        for name, value in tables.items()
        if not isinstance(value, dict) and (key := f"plugins.{name}")
    ]
    sections = {name: value for name, value in tables.items() if isinstance(value, dict)}
    kept = {name: value for name, value in plugins.items() if name in own}
    return {**sources.tree, "plugins": {**kept, "sections": sections}}, problems


def _at_home(settings: Settings, sources: Sources) -> Settings:
    """What follows from where the deployment lies, and from what it is called: paths made
    absolute, names that weren't given."""
    root, name = sources.root, settings.deployment.name or _name(sources.environment)
    plugins = settings.plugins.model_copy(
        update={"paths": tuple(root / path.expanduser() for path in settings.plugins.paths)}
    )
    data_dir = settings.data_dir.expanduser()
    if "data_dir" not in sources.origins and name != _PRODUCTION:
        data_dir = data_dir.with_name(f"{data_dir.name}-{name}")
    return settings.model_copy(
        update={
            "deployment": settings.deployment.model_copy(update={"name": name}),
            "data_dir": (root / data_dir).resolve(),
            "database": settings.database.model_copy(
                update={"url": _full_url(settings.database.url, root, name)}
            ),
            "redis": settings.redis.model_copy(update={"prefix": settings.redis.prefix or name}),
            "plugins": plugins,
        }
    )


_PRODUCTION = "plugram"


def _name(environment: str) -> str:
    """What a deployment is called that has no name of its own."""
    if environment == "production":
        return _PRODUCTION
    return re.sub(r"[^a-z0-9_]", "_", f"{_PRODUCTION}_{environment}")[:40]


def _full_url(url: str, root: Path, name: str) -> str:
    """The database's, with a path from the root, or with a name."""
    if url.startswith("sqlite:///"):
        path = root / unquote(url.removeprefix("sqlite:///"))
        return f"sqlite:///{quote(str(path))}"
    parts = urlsplit(url)
    if parts.scheme == "postgresql" and not parts.path.strip("/") and "dbname=" not in parts.query:
        return urlunsplit(parts._replace(path=f"/{name}"))
    return url


def required(settings: Settings) -> list[str]:
    """What is missing to run a bot or a worker."""
    missing = []
    if settings.bot.token is None:
        missing.append("bot.token is missing; set BOT_TOKEN to the token that @BotFather gave you")
    if settings.intake.mode == "webhook":
        if not settings.web.enabled:
            missing.append("intake.mode is webhook, which needs web.enabled = true")
        if not settings.web.public_url:
            missing.append(
                "web.public_url is missing: intake.mode is webhook, and Telegram must know where "
                "to bring updates; set it to https://… on port 443, 80, 88 or 8443"
            )
    return missing


def validate_sections(
    settings: Settings, models: Mapping[str, type[BaseModel] | None]
) -> list[str]:
    """The problems of these plugins' sections (id → its `Settings`, or None if it has none)."""
    problems: list[str] = []
    for plugin_id, model in models.items():
        try:
            settings.section(plugin_id, model or NoSettings)
        except ConfigError as error:
            problems += error.problems
    return problems


class NoSettings(_Section):
    """The section of a plugin that declares no settings."""


def unknown_plugins(settings: Settings, known: Collection[str]) -> list[str]:
    """Ids in [features], [roles], [plugins.*] and `required` that no manifest has."""
    asked: dict[str, str] = {}
    asked |= {f"features.{name}": name for name in settings.features}
    asked |= {f"plugins.{name}": name for name in settings.plugins.sections}
    asked |= {f"roles.{role}": name.partition(".")[0] for role, name in settings.roles.items()}
    problems = [
        f"{where(settings, key)}{key}: there is no plugin {name!r}{nearest(name, known)}"
        for key, name in asked.items()
        if name not in known
    ]
    problems += [
        f"{where(settings, 'plugins.required')}plugins.required: "
        f"there is no plugin {name!r}{nearest(name, known)}"
        for name in settings.plugins.required
        if name not in known
    ]
    return problems


def origin_of(settings: Settings, key: str) -> Origin | None:
    """Where a value came from; of a table, its first key."""
    below = (found for name, found in settings.origins.items() if name.startswith(f"{key}."))
    return settings.origins.get(key) or next(below, None)


def partly_required(settings: Settings, vital: Collection[str]) -> list[str]:
    """Plugins without which the bot must not run, and that it was to run without for some."""
    return [
        f"{where(settings, key)}{key} must be true or false: the bot must not run without "
        f"{plugin_id}, for nobody"
        for plugin_id, said in settings.features.items()
        if not isinstance(said, bool)
        and (plugin_id in vital or plugin_id in settings.plugins.required)
        and (key := f"features.{plugin_id}")
    ]


def _section(settings: Settings, plugin_id: str, model: type[M]) -> tuple[M | None, list[str]]:
    sources = settings._sources  # noqa: SLF001 - same module
    prefix = f"plugins.{plugin_id}"
    tree = dict(settings.plugins.sections.get(plugin_id, {}))
    problems = []
    if not _is_names(tree.pop("aliases", {})):
        key = f"{prefix}.aliases"
        problems.append(f"{where(sources, key)}{key} must be a table of names")
    for alias in sources.aliases:
        for key in alias.keys:
            home, _, name = key.rpartition(".")
            if home == prefix and name in model.model_fields:
                alias.used = True
                if name not in tree or sources.origins[key].kind == "file":
                    tree[name] = alias.text
                    sources.origins[key] = alias.origin
                    sources.texts.add(key)
    value, wrong = validate(model, tree, f"{prefix}.", sources)
    return value, [*problems, *wrong]


def _is_names(table: object) -> bool:
    return isinstance(table, Mapping) and all(isinstance(name, str) for name in table.values())


def _idle(alias: Alias) -> str:
    reason = alias.hint
    if not reason:
        plugins = sorted({key.split(".")[1] for key in alias.keys})
        reason = (
            f"it is for {' and '.join(plugins)}, which is off, not installed or has no such use"
        )
    return f"{alias.origin} is set but unused: {reason}"
