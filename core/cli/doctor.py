"""`plugram doctor`: everything that the bot needs, checked for real, and what to do."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from core import config, log
from core.cli import terminal
from core.cli.parts import load_modules
from core.cli.terminal import FAILED, OK
from core.errors import ConfigError, DatabaseError, PlugramError, TelegramError
from core.host.loader import Loader

if TYPE_CHECKING:
    from core.config import Settings
    from core.db.database import Database
    from core.host.plugin import Health

State = Literal["ok", "warning", "failed"]

PATIENCE = 3.0
"""Seconds to wait for a server."""
LOW_DISK, NO_DISK = 2**30, 100 * 2**20
"""Free bytes below which to warn, and to fail."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says; `hint` is the way out."""

    check: str
    state: State
    detail: str
    hint: str = ""


def examine(*, as_json: bool) -> int:
    """Runs all checks and prints them; exit status 1 if one failed."""
    findings = asyncio.run(findings_of(config.read()))
    failed = any(finding.state == "failed" for finding in findings)
    if as_json:
        terminal.put_json({"ok": not failed, "checks": [asdict(one) for one in findings]})
    else:
        _put(findings)
    return FAILED if failed else OK


async def findings_of(reading: config.Reading) -> list[Finding]:
    """All findings. Plugins are asked for theirs as far as what they need is there."""
    settings = reading.settings
    loader = Loader(settings)
    findings = [*_settings(reading, loader), *_plugins(loader), _folder(settings), _disk(settings)]
    findings += await _guarded("sandbox", _sandbox(settings))
    findings += await _guarded("database", _database(settings, loader))
    blocked = any(one.state == "failed" for one in findings)
    blocked |= any(one.check == "migrations" and one.state != "ok" for one in findings)
    findings += await _guarded("redis", _redis(settings))
    findings += await _guarded("telegram", _telegram(settings))
    health = await _guarded("plugins", _health(settings, blocked=blocked))
    return [*findings, *(one for one in health if one not in findings)]


async def _guarded(check: str, work: Awaitable[list[Finding]]) -> list[Finding]:
    """A check that breaks is a failed check: the others still have something to say."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the report
        return [Finding(check, "failed", f"{type(error).__name__}: {log.redact(str(error))}")]


# -- on this machine ----------------------------------------------------------------------------


def _settings(reading: config.Reading, loader: Loader) -> list[Finding]:
    problems = list(reading.problems)
    try:
        load_modules(loader)
    except ConfigError as error:
        problems += error.problems
    except PlugramError as error:
        problems.append(str(error))
    findings = [Finding("settings", "failed", problem, "docs/settings.md") for problem in problems]
    if not findings:
        settings = reading.settings
        said = f"environment {settings.environment}, deployment {settings.deployment.name}"
        findings.append(Finding("settings", "ok", said))
    findings += [Finding("settings", "warning", text) for text in reading.settings.unused]
    return findings


def _plugins(loader: Loader) -> list[Finding]:
    on = ", ".join(plugin.id for plugin in loader.report.plugins)
    return [Finding("plugins", "ok", on or "none is on"), *_quarantined(loader)]


def _quarantined(loader: Loader) -> list[Finding]:
    hint = "plugram plugins check ID, or plugram plugins disable ID"
    return [
        Finding(f"plugin {one.id}", "failed", one.reason, hint.replace("ID", one.id))
        for one in loader.report.quarantined
    ]


def _folder(settings: Settings) -> Finding:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
    except OSError as error:
        user = f"user {os.getuid()}" if hasattr(os, "getuid") else "the bot's user"
        return Finding(
            "data folder",
            "failed",
            f"{folder} can't be written: {error.strerror}",
            f"give {user} the right to write there, or set PLUGRAM_DATA_DIR",
        )
    return Finding("data folder", "ok", str(folder))


def _disk(settings: Settings) -> Finding:
    place = settings.data_dir
    while not os.path.exists(place):  # noqa: PTH110 - Path's raises where it may not look
        place = place.parent
    free = shutil.disk_usage(place).free
    detail = f"{free / 2**30:.1f} GiB free"
    if free < LOW_DISK:
        state: State = "failed" if free < NO_DISK else "warning"
        return Finding("disk", state, detail, "make room, or move PLUGRAM_DATA_DIR")
    return Finding("disk", "ok", detail)


async def _sandbox(settings: Settings) -> list[Finding]:
    """Which walls stand around a child that reads a file, tried from inside."""
    from core.cage.probe import PROMISES
    from core.sandbox import Sandbox

    sandbox = Sandbox(settings)
    try:
        walls = await sandbox.walls()
    except PlugramError as error:
        return [_failure("sandbox", error, "files can't be read: docs/sandbox.md")]
    finally:
        await sandbox.close()
    missing = [promise for wall, promise in PROMISES.items() if not walls[wall]]
    if missing:
        detail = f"a file's reader isn't fenced in: the system doesn't {'; nor '.join(missing)}"
        return [Finding("sandbox", "warning", detail, "docs/sandbox.md says what is needed")]
    return [Finding("sandbox", "ok", f"walls tried and found standing: {', '.join(walls)}")]


# -- servers ------------------------------------------------------------------------------------


async def _database(settings: Settings, loader: Loader) -> list[Finding]:
    from core.db import database as db

    try:
        database = db.build(settings, loader.tables())
        await database.connect(patience=PATIENCE)
    except PlugramError as error:
        return [_failure("database", error, "check database.url, and that the server runs")]
    try:
        found = [await _writable(database), await _migrations(settings, database)]
        return [*found, *await _walls(database), *await _keys(settings, database)]
    finally:
        await database.close()


async def _writable(database: Database) -> Finding:
    class Undo(Exception):
        pass

    try:
        with suppress(Undo):
            async with database.transaction(login=True):
                await database.execute("CREATE TABLE core_doctor (x INTEGER)")
                raise Undo
    except DatabaseError as error:
        return _failure("database", error, "its user needs the right to create tables")
    return Finding("database", "ok", database.where)


async def _migrations(settings: Settings, database: Database) -> Finding:
    from core.db import migrate

    try:
        found = await migrate.status(database)
    except DatabaseError as error:
        return _failure("migrations", error, "plugram db status")
    missing = [str(one) for one in found if not one.applied]
    unknown = [str(one) for one in found if not one.known]
    if unknown:
        return Finding(
            "migrations",
            "failed",
            f"the database is newer than this version: {', '.join(unknown)}",
            "install the version that made them, or restore a backup",
        )
    if not missing:
        return Finding("migrations", "ok", f"{len(found)} applied")
    if settings.database.migrate == "auto":
        return Finding(
            "migrations",
            "warning",
            f"{len(missing)} will be run at start; plugins are checked after that",
            "make a backup before an update",
        )
    return Finding(
        "migrations",
        "failed",
        f"{len(missing)} are missing: {', '.join(missing)}",
        "make a backup, then plugram db migrate",
    )


async def _keys(settings: Settings, database: Database) -> list[Finding]:
    """Whether what is kept encrypted can be read: here, and on other hosts too."""
    from core import keys, secrets

    ring = secrets.keyring(settings)
    try:
        columns = await keys.sealed(database)
        await keys.check(database, columns, ring)
        used = (await keys.usage(database, columns)).total()
    except PlugramError as error:
        return [_failure("encryption key", error, "plugram keys list")]
    if not ring.keys:
        return []
    place = "the settings" if ring.origin == "settings" else str(ring.path)
    finding = Finding("encryption key", "ok", f"{used} secrets, keys from {place}")
    if ring.origin == "settings":
        return [finding]
    if ring.path.stat().st_mode & 0o077:
        hint = f"chmod 600 {ring.path}"
        return [Finding("encryption key", "warning", f"others can read {ring.path}", hint)]
    if database.dialect == "postgres":
        hint = "set PLUGRAM_ENCRYPTION_KEY (or …_KEY_FILE) for all of them: docs/deploy.md"
        detail = f"it is in {ring.path}: bots and workers on other hosts don't have it"
        return [Finding("encryption key", "warning", detail, hint)]
    return [finding]


async def _walls(database: Database) -> list[Finding]:
    """Whether row-level security stands, and holds the login."""
    from core.db import guard

    name = "row-level security"
    try:
        login, gaps = await guard.login(database), await guard.gaps(database)
        guarded = [one for one in await database.present_tables() if one.guarded]
    except DatabaseError as error:
        return [_failure(name, error, "plugram db status")]
    if login is None:
        return []
    if gaps:
        detail = f"off for {', '.join(gap.table.name for gap in gaps)}"
        return [Finding(name, "warning", detail, "plugram db migrate, or the next start")]
    if not login.bypasses:
        return [Finding(name, "ok", f"{len(guarded)} tables, and it holds {login.user}")]
    hint = "give the bot a login of its own that is no superuser: docs/database.md"
    if login.role:
        detail = (
            f"{len(guarded)} tables; {login.user} could bypass it, so transactions step down to the"
            f" role {guard.ROLE}"
        )
        return [Finding(name, "warning", detail, hint)]
    detail = f"it doesn't hold {login.user}, which bypasses it: one wall is left, the queries'"
    return [Finding(name, "warning", detail, hint)]


async def _redis(settings: Settings) -> list[Finding]:
    if not settings.redis.url:
        return [Finding("redis", "ok", "not used: jobs run in the bot's process")]
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client = Redis.from_url(settings.redis.url, socket_connect_timeout=PATIENCE)
    try:
        async with asyncio.timeout(PATIENCE):
            facts = await client.info("server")
        return [Finding("redis", "ok", f"version {facts.get('redis_version', 'unknown')}")]
    except (RedisError, OSError, TimeoutError) as error:
        reason = log.redact(str(error)) or type(error).__name__
        return [Finding("redis", "failed", reason, "check redis.url, and that the server runs")]
    finally:
        await client.aclose()


async def _telegram(settings: Settings) -> list[Finding]:
    if settings.bot.token is None:
        return [
            Finding("telegram", "failed", missing, "plugram dev needs none")
            for missing in config.required(settings)
        ]
    from core.telegram.outgoing import Limiter
    from core.telegram.wire import Wire

    token = settings.bot.token.get_secret_value()
    wire = Wire(token, settings.bot.api_base, settings.http, Limiter(settings.outgoing))
    try:
        me = await wire.call("getMe", timeout=PATIENCE * 2, retries=0)
        hook = await wire.call("getWebhookInfo", timeout=PATIENCE * 2, retries=0)
    except TelegramError as error:
        return [_failure("telegram", error, "check BOT_TOKEN and the way to the server")]
    finally:
        await wire.close()
    findings = [Finding("telegram", "ok", f"@{me.get('username', '')} at {settings.bot.api_base}")]
    if settings.intake.mode == "webhook":
        return [*findings, _told(settings, hook), await _reachable(settings)]
    if hook.get("url"):
        findings.append(
            Finding(
                "telegram",
                "warning",
                "a webhook is set; the bot removes it when it starts polling",
                "stop whatever else receives this bot's updates",
            )
        )
    return findings


def _told(settings: Settings, hook: Mapping[str, Any]) -> Finding:
    """What Telegram thinks of our webhook."""
    ours = settings.web.public_url.rstrip("/") + settings.intake.webhook_path
    waiting = int(hook.get("pending_update_count") or 0)
    there = f"{hook.get('url') or 'none'}; {waiting} updates wait"
    if hook.get("url") != ours:
        return Finding(
            "webhook", "warning", f"set to {there}", "the bot sets its own when it starts"
        )
    failed_at = int(hook.get("last_error_date") or 0)
    if waiting and failed_at:
        at = datetime.fromtimestamp(failed_at, UTC).isoformat(sep=" ", timespec="seconds")
        said = hook.get("last_error_message", "")
        return Finding(
            "webhook",
            "failed",
            f"set to {there}; at {at} Telegram met: {said}",
            "is the bot running, and does the proxy pass the path on to it?",
        )
    return Finding("webhook", "ok", f"set to {there}")


async def _reachable(settings: Settings) -> Finding:
    """Whether the public address is one that Telegram takes, and leads to a bot."""
    from pyreqwest.client import ClientBuilder
    from pyreqwest.exceptions import PyreqwestError

    from core.telegram.webhook import PORTS
    from core.telegram.wire import PUBLIC_SERVER

    public = settings.web.public_url
    if not public:
        return Finding("public_url", "failed", "web.public_url is missing", "docs/deploy.md")
    parts = urlsplit(public)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if settings.bot.api_base == PUBLIC_SERVER and (parts.scheme != "https" or port not in PORTS):
        return Finding(
            "public_url",
            "failed",
            f"Telegram doesn't bring updates to {public}",
            "it wants https:// on port 443, 80, 88 or 8443",
        )
    url = f"{public.rstrip('/')}/healthz"
    try:
        async with ClientBuilder().timeout(timedelta(seconds=PATIENCE)).build() as client:
            status = (await client.get(url).build().send()).status
    except PyreqwestError as error:
        status, reason = 0, type(error).__name__
    else:
        reason = f"status {status}"
    if status == 200:
        return Finding("public_url", "ok", f"{url} answers")
    return Finding(
        "public_url",
        "warning",
        f"{url} doesn't answer as a bot does: {reason}",
        "start the bot; else look at proxy, DNS and certificate",
    )


async def _health(settings: Settings, *, blocked: bool) -> list[Finding]:
    """The checks of the plugins, none of which is started: looking must change nothing. `blocked`:
    there is no database that they could use; what needs none is looked at all the same."""
    from core import app as composition
    from core.health import EXAMINATION, HealthChecks, examinations, thorough

    checks = HealthChecks()
    try:
        app = composition.build(settings, role="session")
        for plugin in app.plugins:
            own = plugin.parts.health_checks
            checks.add(plugin.id, examinations(own) if blocked else thorough(own))
        async with app.session(start=False, connect=not blocked):
            checked = await checks.run(timeout=EXAMINATION)
        # Those that broke only when they were registered.
        quarantined = _quarantined(app.loader)
    except ConfigError as error:
        # Told already, where the settings were read.
        return [] if blocked else [_failure("plugins", error, "plugram plugins check")]
    except PlugramError as error:
        return [_failure("plugins", error, "plugram plugins check")]
    findings = [
        Finding(one.name, _state(one.health), one.health.detail, one.health.hint) for one in checked
    ]
    return [*findings, *quarantined]


def _state(health: Health) -> State:
    if health.ok:
        return "ok"
    return "warning" if health.degraded else "failed"


def _failure(check: str, error: PlugramError, hint: str) -> Finding:
    return Finding(check, "failed", log.redact(error.message), error.hint or hint)


# -- output -------------------------------------------------------------------------------------


def _put(findings: Sequence[Finding]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    marks = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "bold red")}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in ("", "check", "what", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark, style = marks[finding.state]
        hint = finding.hint if finding.state != "ok" else ""
        cells = (finding.check, log.redact(finding.detail), log.redact(hint))
        table.add_row(Text(mark, style=style), *map(Text, cells))
    terminal.console().print(table)


__all__ = ["Finding", "examine", "findings_of"]
