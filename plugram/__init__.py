"""The door: all of Plugram's code that a plugin may import.

Names are loaded at first use, so importing `plugram` costs nothing. What is stable here, and for
how long: docs/plugin-api.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core import hookspecs as hooks
    from core.callback import Callback
    from core.db import Database
    from core.errors import (
        BadRequest,
        BlobMissing,
        ChatMigrated,
        Conflict,
        DatabaseAway,
        DatabaseError,
        Forbidden,
        HookError,
        JobError,
        LockedError,
        NotModified,
        ParseError,
        PluginError,
        PlugramError,
        RetryAfter,
        RoleError,
        SandboxRefused,
        StorageError,
        TelegramAway,
        TelegramError,
        Unauthorized,
        UserError,
    )
    from core.hookspecs import hookimpl
    from core.i18n import Html, Translate
    from core.jobs import Job, JobCancelled, JobSpec, Priority, Retry, job
    from core.outgoing import Lane
    from core.people import Person
    from core.plugin import (
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
    from core.retry import retry
    from core.roles import (
        BlobStore,
        Embedder,
        Extraction,
        FileKind,
        FileLibrary,
        Processor,
        Provide,
        Section,
        StoredFile,
    )
    from core.scope import SYSTEM, Scope
    from core.text import Button, buttons, escape
    from core.wire import Upload

__all__ = [
    "API_VERSION",
    "SYSTEM",
    "BadRequest",
    "BlobMissing",
    "BlobStore",
    "Button",
    "Callback",
    "ChatMigrated",
    "Command",
    "Conflict",
    "Context",
    "Database",
    "DatabaseAway",
    "DatabaseError",
    "Embedder",
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
    "Retry",
    "RetryAfter",
    "RoleError",
    "Route",
    "SandboxRefused",
    "Scope",
    "Section",
    "StorageError",
    "StoredFile",
    "TelegramAway",
    "TelegramError",
    "Translate",
    "Unauthorized",
    "Upload",
    "UserError",
    "buttons",
    "escape",
    "hookimpl",
    "hooks",
    "job",
    "retry",
]

_HOMES = {
    "API_VERSION": "core.plugin",
    "BadRequest": "core.errors",
    "BlobMissing": "core.errors",
    "BlobStore": "core.roles",
    "Button": "core.text",
    "Callback": "core.callback",
    "ChatMigrated": "core.errors",
    "Command": "core.plugin",
    "Conflict": "core.errors",
    "Context": "core.plugin",
    "Database": "core.db",
    "DatabaseAway": "core.errors",
    "DatabaseError": "core.errors",
    "Embedder": "core.roles",
    "Extraction": "core.roles",
    "FileKind": "core.roles",
    "FileLibrary": "core.roles",
    "Forbidden": "core.errors",
    "Health": "core.plugin",
    "HealthCheck": "core.plugin",
    "HookError": "core.errors",
    "Html": "core.i18n",
    "Job": "core.jobs",
    "JobCancelled": "core.jobs",
    "JobError": "core.errors",
    "JobSpec": "core.jobs",
    "Lane": "core.outgoing",
    "LockedError": "core.errors",
    "Manifest": "core.plugin",
    "NotModified": "core.errors",
    "ParseError": "core.errors",
    "Person": "core.people",
    "Plugin": "core.plugin",
    "PluginError": "core.errors",
    "PluginSettings": "core.plugin",
    "PlugramError": "core.errors",
    "Preference": "core.plugin",
    "Priority": "core.jobs",
    "Processor": "core.roles",
    "Provide": "core.roles",
    "Retry": "core.jobs",
    "RetryAfter": "core.errors",
    "RoleError": "core.errors",
    "Route": "core.plugin",
    "SYSTEM": "core.scope",
    "SandboxRefused": "core.errors",
    "Scope": "core.scope",
    "Section": "core.roles",
    "StorageError": "core.errors",
    "StoredFile": "core.roles",
    "TelegramAway": "core.errors",
    "TelegramError": "core.errors",
    "Translate": "core.i18n",
    "Unauthorized": "core.errors",
    "Upload": "core.wire",
    "UserError": "core.errors",
    "buttons": "core.text",
    "escape": "core.text",
    "hookimpl": "core.hookspecs",
    "job": "core.jobs",
    "retry": "core.retry",
}


def __getattr__(name: str) -> Any:
    if name == "hooks":
        return import_module("core.hookspecs")
    if name not in _HOMES:
        raise AttributeError(f"plugram has no {name!r}; its names are in plugram.__all__")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
