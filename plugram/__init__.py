"""The door: all of Plugram's code that a plugin may import.

Names are loaded at first use, so importing `plugram` costs nothing. What is stable here, and for
how long: docs/plugin-api.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core import media
    from core.cache import Cache
    from core.cage.zips import SafeZip, safe_zip
    from core.db.database import Database
    from core.db.scope import SYSTEM, Scope, in_scope, scoped
    from core.db.tables import Table
    from core.errors import (
        BadRequest,
        BlobArchived,
        BlobMissing,
        ChatMigrated,
        Conflict,
        DatabaseAway,
        DatabaseError,
        Forbidden,
        HookError,
        JobError,
        LinkExpired,
        LinkForged,
        LockedError,
        NotModified,
        ParseError,
        PluginError,
        PlugramError,
        RetryAfter,
        RoleError,
        SandboxRefused,
        ScopeError,
        SecretError,
        SecretKeyMissing,
        StorageAway,
        StorageError,
        TelegramAway,
        TelegramError,
        Unauthorized,
        UserError,
    )
    from core.host import hookspecs as hooks
    from core.host.hookspecs import hookimpl
    from core.host.plugin import (
        API_VERSION,
        Command,
        Context,
        Health,
        HealthCheck,
        Manifest,
        Plugin,
        PluginSettings,
        Preference,
        Route,
    )
    from core.host.roles import (
        BlobStore,
        Embedder,
        Erased,
        ExportedFile,
        Extraction,
        FileKind,
        FileLibrary,
        Processor,
        Provide,
        Section,
        StoredBlob,
        StoredFile,
        UserArchive,
        Visit,
    )
    from core.i18n import Html, Translate
    from core.jobs.job import Job, JobCancelled, JobSpec, Priority, Retry, job
    from core.languages import detect_language
    from core.links import Links
    from core.people import Person
    from core.records import Records
    from core.retry import retry
    from core.secrets import Secrets
    from core.telegram.callback import Callback
    from core.telegram.outgoing import Lane
    from core.telegram.text import Button, buttons, escape
    from core.telegram.wire import Upload

__all__ = [
    "API_VERSION",
    "SYSTEM",
    "BadRequest",
    "BlobArchived",
    "BlobMissing",
    "BlobStore",
    "Button",
    "Cache",
    "Callback",
    "ChatMigrated",
    "Command",
    "Conflict",
    "Context",
    "Database",
    "DatabaseAway",
    "DatabaseError",
    "Embedder",
    "Erased",
    "ExportedFile",
    "Extraction",
    "FileKind",
    "FileLibrary",
    "Forbidden",
    "Health",
    "HealthCheck",
    "HookError",
    "Html",
    "Job",
    "JobCancelled",
    "JobError",
    "JobSpec",
    "Lane",
    "LinkExpired",
    "LinkForged",
    "Links",
    "LockedError",
    "Manifest",
    "NotModified",
    "ParseError",
    "Person",
    "Plugin",
    "PluginError",
    "PluginSettings",
    "PlugramError",
    "Preference",
    "Priority",
    "Processor",
    "Provide",
    "Records",
    "Retry",
    "RetryAfter",
    "RoleError",
    "Route",
    "SafeZip",
    "SandboxRefused",
    "Scope",
    "ScopeError",
    "SecretError",
    "SecretKeyMissing",
    "Secrets",
    "Section",
    "StorageAway",
    "StorageError",
    "StoredBlob",
    "StoredFile",
    "Table",
    "TelegramAway",
    "TelegramError",
    "Translate",
    "Unauthorized",
    "Upload",
    "UserArchive",
    "UserError",
    "Visit",
    "buttons",
    "detect_language",
    "escape",
    "hookimpl",
    "hooks",
    "in_scope",
    "job",
    "media",
    "retry",
    "safe_zip",
    "scoped",
]

_HOMES = {
    "API_VERSION": "core.host.plugin",
    "BadRequest": "core.errors",
    "BlobArchived": "core.errors",
    "BlobMissing": "core.errors",
    "BlobStore": "core.host.roles",
    "Button": "core.telegram.text",
    "Callback": "core.telegram.callback",
    "ChatMigrated": "core.errors",
    "Command": "core.host.plugin",
    "Conflict": "core.errors",
    "Context": "core.host.plugin",
    "Cache": "core.cache",
    "Database": "core.db.database",
    "DatabaseAway": "core.errors",
    "DatabaseError": "core.errors",
    "Embedder": "core.host.roles",
    "Erased": "core.host.roles",
    "ExportedFile": "core.host.roles",
    "Extraction": "core.host.roles",
    "FileKind": "core.host.roles",
    "FileLibrary": "core.host.roles",
    "Forbidden": "core.errors",
    "Health": "core.host.plugin",
    "HealthCheck": "core.host.plugin",
    "HookError": "core.errors",
    "Html": "core.i18n",
    "Job": "core.jobs.job",
    "JobCancelled": "core.jobs.job",
    "JobError": "core.errors",
    "JobSpec": "core.jobs.job",
    "Lane": "core.telegram.outgoing",
    "LinkExpired": "core.errors",
    "LinkForged": "core.errors",
    "Links": "core.links",
    "LockedError": "core.errors",
    "Manifest": "core.host.plugin",
    "NotModified": "core.errors",
    "ParseError": "core.errors",
    "Person": "core.people",
    "Plugin": "core.host.plugin",
    "PluginError": "core.errors",
    "PluginSettings": "core.host.plugin",
    "PlugramError": "core.errors",
    "Preference": "core.host.plugin",
    "Priority": "core.jobs.job",
    "Processor": "core.host.roles",
    "Provide": "core.host.roles",
    "Records": "core.records",
    "Retry": "core.jobs.job",
    "RetryAfter": "core.errors",
    "RoleError": "core.errors",
    "Route": "core.host.plugin",
    "SYSTEM": "core.db.scope",
    "SafeZip": "core.cage.zips",
    "SandboxRefused": "core.errors",
    "Scope": "core.db.scope",
    "ScopeError": "core.errors",
    "SecretError": "core.errors",
    "SecretKeyMissing": "core.errors",
    "Secrets": "core.secrets",
    "Section": "core.host.roles",
    "StorageAway": "core.errors",
    "StorageError": "core.errors",
    "StoredBlob": "core.host.roles",
    "StoredFile": "core.host.roles",
    "Visit": "core.host.roles",
    "Table": "core.db.tables",
    "TelegramAway": "core.errors",
    "TelegramError": "core.errors",
    "Translate": "core.i18n",
    "Unauthorized": "core.errors",
    "Upload": "core.telegram.wire",
    "UserArchive": "core.host.roles",
    "UserError": "core.errors",
    "buttons": "core.telegram.text",
    "detect_language": "core.languages",
    "escape": "core.telegram.text",
    "in_scope": "core.db.scope",
    "hookimpl": "core.host.hookspecs",
    "job": "core.jobs.job",
    "scoped": "core.db.scope",
    "retry": "core.retry",
    "safe_zip": "core.cage.zips",
}
_MODULES = {"hooks": "core.host.hookspecs", "media": "core.media"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _HOMES:
        raise AttributeError(f"plugram has no {name!r}; its names are in plugram.__all__")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
