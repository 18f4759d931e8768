"""Every error that Plugram raises on purpose.

PlugramError                 something went wrong and here is the way out
├── ConfigError              the settings can't be used (exit status 2)
├── PluginError              a plugin can't be loaded, or misuses the door
│   ├── ManifestError        its manifest is missing or wrong
│   ├── RoleError            nobody (or nobody chosen) provides a role
│   └── HookError            listeners of a hook failed (`failed` names them)
├── DatabaseError            the database refused or is away
│   ├── DatabaseAway         can't be reached, or no connection came free in time
│   ├── DatabaseReadOnly     it can't be written
│   ├── DiskFull             there is no room left
│   ├── ScopeError           a statement doesn't say whose rows, or wants another scope's
│   ├── ConstraintError      a unique, foreign-key or check constraint refused a row
│   └── MigrationError       a migration is missing or failed
├── StorageError             a blob store refused or is away
│   ├── BlobMissing          the blob isn't there
│   ├── BlobArchived         it lies in a class of storage that has to be asked for it first
│   └── StorageAway          the store can't be reached, or asks for patience
├── SecretError              a secret can't be encrypted or decrypted
│   └── SecretKeyMissing     the key that encrypted it isn't here
├── SandboxRefused           a file broke a limit of the sandbox, or can't be read
├── JobError                 a job can't be queued, or ended for good
├── LinkError                a signed link can't be used
│   ├── LinkExpired          it was good for a few minutes
│   └── LinkForged           it isn't ours, or was changed
├── LockedError              another process holds what only one may hold
├── TelegramError            the Bot API said no
│   ├── BadRequest           400
│   │   ├── NotModified      the edit would change nothing
│   │   ├── ParseError       the text's markup can't be parsed
│   │   └── ChatMigrated     the group became a supergroup (`new_chat_id`)
│   ├── Unauthorized         401, 404 on the token
│   ├── Forbidden            403: blocked, kicked, deactivated
│   ├── Conflict             409: somebody else polls
│   ├── RetryAfter           429 (`seconds`)
│   └── TelegramAway         network, time-out, 5xx, retries used up
└── UserError                bad input from a chat user: a sentence for them (`key`, `args`)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class PlugramError(Exception):
    """Root of the tree. `str(error)` says what and where; `hint` says the way out."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigError(PlugramError):
    """All that is wrong with the settings, in one report (`problems`, one sentence each)."""

    def __init__(self, problems: Sequence[str], *, hint: str = "") -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = list(problems)


class PluginError(PlugramError):
    """A plugin can't be loaded, or misuses the door."""


class ManifestError(PluginError):
    """A manifest is missing, can't be read, or says something that isn't allowed."""


class RoleError(PluginError):
    """Nobody provides a role, or the settings name a provider that isn't there."""


class HookError(PluginError):
    """Some listeners of a hook failed or are paused (`failed`: plugin id → why). Whoever must not
    lose the event tells them all again later; a job does so by failing."""

    def __init__(self, hook: str, failed: Mapping[str, str]) -> None:
        told = "; ".join(f"{plugin}: {why}" for plugin, why in failed.items())
        super().__init__(f"{hook} wasn't heard by everybody: {told}")
        self.hook = hook
        self.failed = dict(failed)


class DatabaseError(PlugramError):
    """The database refused or is away."""


class DatabaseAway(DatabaseError):
    """The database can't be reached, or no connection came free in time."""


class DatabaseReadOnly(DatabaseError):
    """The database can't be written."""


class DiskFull(DatabaseError):
    """There is no room left on the disk of the database."""


class ConstraintError(DatabaseError):
    """A unique, foreign-key, not-null or check constraint refused a row."""


class ScopeError(DatabaseError):
    """A statement on a table with scopes says none, or would write a row of another one."""


class MigrationError(DatabaseError):
    """A migration is missing or failed."""


class StorageError(PlugramError):
    """A blob store refused or is away."""


class BlobMissing(StorageError):
    """The blob isn't in the store."""


class BlobArchived(StorageError):
    """The blob lies in a class of storage that hands it out hours after it was asked to; it was."""


class StorageAway(StorageError):
    """The store can't be reached, broke off, or asks for patience: later it may work."""


class SecretError(PlugramError):
    """A secret can't be encrypted or decrypted."""


class SecretKeyMissing(SecretError):
    """The key that encrypted it isn't among those of the deployment."""


class SandboxRefused(PlugramError):
    """A file broke a limit of the sandbox (`limit` names the setting) or can't be read (`limit` is
    empty)."""

    def __init__(self, message: str, *, reason: str, limit: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        """One of `memory`, `cpu`, `wall`, `output`, `unpacked`, `unsafe`, `crash`, `corrupt`,
        `encrypted`, `empty`, `unsupported`."""
        self.limit = limit


class JobError(PlugramError):
    """A job can't be queued, or ended for good."""


class LinkError(PlugramError):
    """A signed link can't be used."""


class LinkExpired(LinkError):
    """It was good for a few minutes."""


class LinkForged(LinkError):
    """It isn't ours, or was changed."""


class LockedError(PlugramError):
    """Another process holds what only one may hold."""


class TelegramError(PlugramError):
    """The Bot API said no. `code` is its error_code, `method` the method that was called."""

    def __init__(self, message: str, *, method: str = "", code: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.method = method
        self.code = code


class BadRequest(TelegramError):
    """400."""


class NotModified(BadRequest):
    """The edit would change nothing."""


class ParseError(BadRequest):
    """The markup of a text can't be parsed."""


class ChatMigrated(BadRequest):
    """The group became a supergroup."""

    def __init__(
        self, message: str, *, new_chat_id: int, method: str = "", code: int = 400
    ) -> None:
        super().__init__(message, method=method, code=code)
        self.new_chat_id = new_chat_id


class Unauthorized(TelegramError):
    """The token is wrong or revoked."""


class Forbidden(TelegramError):
    """The bot was blocked or kicked, or the user is deactivated."""


class Conflict(TelegramError):
    """Somebody else polls this bot, or a webhook is set."""


class RetryAfter(TelegramError):
    """Flood control: nothing to this chat for `seconds`."""

    def __init__(self, message: str, *, seconds: float, method: str = "") -> None:
        super().__init__(message, method=method, code=429)
        self.seconds = seconds


class TelegramAway(TelegramError):
    """The Bot API can't be reached, or answers 5xx, and the retries are used up."""

    ambiguous: bool = False
    """The call may have been carried out: it left, and no answer came."""


class UserError(PlugramError):
    """Bad input from a chat user. They read the locale message `key`, filled with `values`."""

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


def storable(text: object) -> str:
    """A text that any database keeps, of an error or of what a plugin says: without NUL and halves
    of characters. Whatever an object's `__str__` does, there is one."""
    try:
        said = str(text)
    except Exception as error:  # noqa: BLE001 - an error whose text fails is an error all the same
        said = f"{type(text).__name__} (its text can't be made: {type(error).__name__})"
    return said.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
