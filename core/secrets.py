"""Secrets at rest: what plugins must keep and nobody may read in the database or a copy of it.

    kept = ctx.secrets.encrypt(f"session:{account}", session)      # a text for a column
    session = ctx.secrets.decrypt(f"session:{account}", kept)

AES-256 in Galois/Counter Mode. A kept value says by which key it was encrypted, and opens only for
the plugin and under the name that it was made for: copied to another row it is refused.

Keys come from `encryption_key` (PLUGRAM_ENCRYPTION_KEY, or a file named by
PLUGRAM_ENCRYPTION_KEY_FILE), several of them for rotation: the first encrypts, all decrypt. Where
that isn't set they are in `encryption.key` in the data folder, made when the first secret is kept.
`core.keys` finds and re-encrypts what the tables hold.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from core import log
from core.errors import SecretError, SecretKeyMissing

if TYPE_CHECKING:
    from core.config import Settings

KEY_BYTES = 32
MARK = "enc1"
"""What a kept value begins with: `enc1:<key id>:<the rest>`."""
FILE = "encryption.key"

_NONCE, _TAG, _BOUND = 12, 16, 16
"""Bytes of the nonce, of the tag, and of the digest of what the value is for."""
_KEPT = re.compile(rf"{MARK}:([0-9a-f]{{8}}):([A-Za-z0-9_-]+)")
_NEW_KEY = "`plugram keys new` makes one"


@dataclass(frozen=True, slots=True)
class Key:
    """A key, known by the beginning of its digest: so much may be shown."""

    id: str
    value: bytes = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Key:
        """From 32 bytes in Base64. Raises ValueError for anything else; the text isn't in it."""
        try:
            value = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            value = b""
        if len(value) != KEY_BYTES:
            raise ValueError(f"isn't 32 bytes in Base64; {_NEW_KEY}")
        return cls(hashlib.sha256(b"plugram key " + value).hexdigest()[:8], value)

    @classmethod
    def new(cls) -> Key:
        return cls.of(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode())

    @property
    def text(self) -> str:
        return base64.urlsafe_b64encode(self.value).decode()


def read_keys(text: str) -> list[Key]:
    """All keys of a text, between blanks, commas or line ends; lines that begin with # are left
    out. Raises ValueError for what is no key."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    keys = [Key.of(part) for part in re.split(r"[\s,]+", "\n".join(lines)) if part]
    return list({key.id: key for key in keys}.values())


class Keyring:
    """The keys of a deployment. `given`: those of the settings; without them they are in `path`.

    The file is looked at again when it has changed, so that a rotation reaches running processes.
    """

    def __init__(self, given: Iterable[Key], path: Path) -> None:
        self._given = tuple(given)
        self.path = path
        self._read: tuple[Key, ...] = ()
        self._stamp: tuple[int, int] | None = None
        for key in self._given:
            log.secret(key.text)

    @property
    def origin(self) -> Literal["settings", "file"]:
        return "settings" if self._given else "file"

    @property
    def keys(self) -> Sequence[Key]:
        """The one that encrypts first; none before the first secret is kept. Raises SecretError
        where the file can't be read."""
        return self._given or self._of_file()

    def find(self, key_id: str) -> Key:
        """Raises SecretKeyMissing."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise missing([key_id], self)

    def encrypt(self, bound: bytes, value: bytes) -> str:
        """`bound`: of `binding`."""
        key = self.keys[0] if self.keys else self._first()
        nonce = secrets.token_bytes(_NONCE)
        sealed = _cipher(key).encrypt(nonce, value, _associated(key.id, bound))
        body = base64.urlsafe_b64encode(bound + nonce + sealed).decode().rstrip("=")
        return f"{MARK}:{key.id}:{body}"

    def decrypt(self, kept: str) -> tuple[bytes, bytes]:
        """What the value is bound to, and the value. Raises SecretError."""
        key_id, body = _parts(kept)
        key = self.find(key_id)
        bound, nonce, sealed = (
            body[:_BOUND],
            body[_BOUND : _BOUND + _NONCE],
            body[_BOUND + _NONCE :],
        )
        try:
            return bound, _cipher(key).decrypt(nonce, sealed, _associated(key_id, bound))
        except _invalid():
            raise SecretError(
                "a value that was kept encrypted was changed, or cut short",
                hint="restore its row from a backup",
            ) from None

    def renew(self, kept: str) -> str:
        """The same under today's key."""
        bound, value = self.decrypt(kept)
        return self.encrypt(bound, value)

    # -- the file -----------------------------------------------------------------------------

    def add_key(self) -> Key:
        """Put a new key before those of the file. Raises SecretError where keys are settings."""
        self._only_file("add a key")
        key = Key.new()
        self._write([key, *self._of_file()])
        return key

    def remove_keys(self, key_ids: Iterable[str]) -> None:
        """Take keys out of the file."""
        self._only_file("remove a key")
        gone = frozenset(key_ids)
        self._write([key for key in self._of_file() if key.id not in gone])

    def _only_file(self, what: str) -> None:
        if self._given:
            raise SecretError(
                f"the keys are settings (encryption_key): this can't {what} there",
                hint="docs/deploy.md says how such keys are rotated",
            )

    def _of_file(self) -> tuple[Key, ...]:
        try:
            found = self.path.stat()
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._stamp:
                self._read = tuple(read_keys(self.path.read_text("utf-8")))
                self._stamp = stamp
        except FileNotFoundError:
            self._read, self._stamp = (), None
        except OSError as error:
            raise SecretError(
                f"the keys in {self.path} can't be read: {error.strerror}",
                hint="give the bot's user the right to read it",
            ) from None
        except ValueError as error:
            reason = "isn't text" if isinstance(error, UnicodeDecodeError) else str(error)
            raise SecretError(
                f"a key in {self.path} {reason}",
                hint="restore the file from a backup: what it encrypted can't be read without it",
            ) from None
        for key in self._read:
            log.secret(key.text)
        return self._read

    def _first(self) -> Key:
        """Make the file, unless another process is faster."""
        self._write([Key.new()], replace=False)
        if not self.keys:
            raise SecretError(f"{self.path} holds no key", hint="restore it from a backup")
        log.get_logger("secrets").warning(
            "a key for secrets was made; without it they can't be read again",
            file=str(self.path),
            hint="put it into your backups; several hosts need the same: PLUGRAM_ENCRYPTION_KEY",
        )
        return self.keys[0]

    def _write(self, keys: Sequence[Key], *, replace: bool = True) -> None:
        text = "".join(f"{key.text}\n" for key in keys)
        part = self.path.with_name(f"{FILE}.{secrets.token_hex(4)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(f"{_HEAD}{text}")
                file.flush()
                os.fsync(file.fileno())
            if replace:
                part.replace(self.path)
            else:
                _link(part, self.path)
        except OSError as error:
            raise SecretError(
                f"the key file {self.path} can't be written: {error.strerror}",
                hint="give the bot's user the right to write there, or set PLUGRAM_ENCRYPTION_KEY",
            ) from None
        finally:
            part.unlink(missing_ok=True)
        self._stamp = None


_HEAD = "# Keys for secrets at rest; the first one encrypts. Keep a copy in a safe place.\n"


def _link(part: Path, path: Path) -> None:
    """Give the file its name unless there is one already."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        return


def keyring(settings: Settings) -> Keyring:
    """The keys that the settings name, or those of the data folder."""
    given = settings.encryption_key
    keys = read_keys(given.get_secret_value()) if given else []
    return Keyring(keys, settings.data_dir / FILE)


class Secrets:
    """A plugin's own face of the keys: `ctx.secrets`. Errors: SecretError."""

    def __init__(self, plugin_id: str, ring: Keyring) -> None:
        self._plugin_id = plugin_id
        self._ring = ring

    def encrypt(self, name: str, value: str) -> str:
        """A text for a column that the manifest declares as `encrypted`. `name`: what it is,
        within the plugin; with a row's key in it nobody can swap rows."""
        return self._ring.encrypt(binding(self._plugin_id, name), value.encode())

    def decrypt(self, name: str, kept: str) -> str:
        """What was kept under this name. Raises SecretKeyMissing without its key, SecretError if
        it was changed, or kept under another name or by another plugin."""
        bound, value = self._ring.decrypt(kept)
        if not secrets.compare_digest(bound, binding(self._plugin_id, name)):
            raise SecretError(
                f"a value of plugin {self._plugin_id} was encrypted for something else than {name}",
                hint="its row was exchanged for another one's: restore it from a backup",
            )
        return value.decode()


def binding(plugin_id: str, name: str) -> bytes:
    """What a value is bound to: so long that two names never meet, and nobody reads them back."""
    seed = f"{len(plugin_id)}:{plugin_id}:{name}".encode()
    return hashlib.blake2b(seed, digest_size=_BOUND, person=b"plugram secret").digest()


def key_id_of(kept: str) -> str:
    """Of the key that encrypted a value; empty if it isn't a kept value."""
    found = _KEPT.fullmatch(kept)
    return found[1] if found else ""


def missing(key_ids: Sequence[str], ring: Keyring, what: str = "") -> SecretKeyMissing:
    """The error for keys that aren't here, with the way out."""
    place = "encryption_key of the settings" if ring.origin == "settings" else str(ring.path)
    have = ", ".join(key.id for key in ring.keys) or "none"
    ids = ", ".join(key_ids)
    return SecretKeyMissing(
        f"{what or 'a secret'} can't be read: it was encrypted with key {ids}, and {place} has "
        f"{have}",
        hint=f"put that key back (behind today's, if there is one), or give up what it encrypted: "
        f"plugram keys lost {key_ids[0]}",
    )


def _parts(kept: str) -> tuple[str, bytes]:
    found = _KEPT.fullmatch(kept)
    try:
        body = base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4)) if found else b""
    except binascii.Error:
        body = b""
    if not found or len(body) < _BOUND + _NONCE + _TAG:
        raise SecretError(
            "a value that should be encrypted isn't",
            hint="ctx.secrets.encrypt makes what ctx.secrets.decrypt reads",
        )
    return found[1], body


def _associated(key_id: str, bound: bytes) -> bytes:
    return f"{MARK}:{key_id}:".encode() + bound


def _cipher(key: Key) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key.value)


def _invalid() -> type[Exception]:
    from cryptography.exceptions import InvalidTag

    return InvalidTag


if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
