"""The door: all of Plugram's code that a plugin may import.

Names are loaded at first use, so importing `plugram` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core import hookspecs as hooks
    from core.callback import Callback
    from core.errors import (
        BadRequest,
        BlobMissing,
        ChatMigrated,
        Forbidden,
        JobError,
        NotModified,
        PlugramError,
        PluginError,
        RetryAfter,
        RoleError,
        SandboxRefused,
        StorageError,
        TelegramAway,
        TelegramError,
        UserError,
    )
    from core.hookspecs import hookimpl
    from core.i18n import Translate
    from core.jobs import Job, JobSpec, Priority, Retry, job
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
        FileLibrary,
        Processor,
        Provide,
        Section,
        StoredFile,
    )
    from core.scope import SYSTEM, Scope
    from core.text import Button, buttons, escape

_HOMES = {
    "core.callback": "Callback",
    "core.errors": (
        "BadRequest BlobMissing ChatMigrated Forbidden JobError NotModified PlugramError PluginError "
        "RetryAfter RoleError SandboxRefused StorageError TelegramAway TelegramError UserError"
    ),
    "core.hookspecs": "hookimpl",
    "core.i18n": "Translate",
    "core.jobs": "Job JobSpec Priority Retry job",
    "core.people": "Person",
    "core.plugin": (
        "API_VERSION Command Context Health HealthCheck Manifest Plugin PluginSettings Preference Route"
    ),
    "core.retry": "retry",
    "core.roles": (
        "BlobStore Embedder Extraction FileLibrary Processor Provide Section StoredFile"
    ),
    "core.scope": "SYSTEM Scope",
    "core.text": "Button buttons escape",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [  # noqa: PLE0604, RUF022 - held to the imports above by a test
    "hooks",
    *sorted(_HOME_OF),
]


def __getattr__(name: str) -> Any:
    if name == "hooks":
        return import_module("core.hookspecs")
    if name not in _HOME_OF:
        raise AttributeError(f"plugram has no {name!r}; its names are in plugram.__all__")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
