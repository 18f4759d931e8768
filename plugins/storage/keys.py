"""Keys of blobs, `<kind>/<first letters>/<sha256>`, and how bytes are held to them."""

from __future__ import annotations

import re
from urllib.parse import quote

from plugram import StorageError

CHUNK = 1 << 20
"""Bytes that are in hand at a time when a blob is read."""
_KEY = re.compile(r"[a-z0-9_-]+(?:/[a-z0-9_-]+){0,7}(?:\.[a-z0-9]{1,8})?")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_key(text: str) -> bool:
    return bool(_KEY.fullmatch(text))


def check(key: str) -> None:
    """Keys come from our own tables; still, none leads out of the store. Raises StorageError."""
    if not is_key(key):
        raise StorageError(f"{key!r} is no key of a blob")


def digest(key: str) -> str:
    """The sha256 that a key promises; empty where it promises none."""
    last = key.rpartition("/")[2]
    return last if _DIGEST.fullmatch(last) else ""


def hold(key: str, found: str) -> None:
    """Raises StorageError for bytes with another sha256 than their key says."""
    expected = digest(key)
    if expected and found != expected:
        raise StorageError(
            f"blob {key} is damaged: its bytes have the sha256 {found}",
            hint="restore it from a backup, or delete the file and send it again",
        )


def attachment(name: str) -> str:
    """A Content-Disposition that any browser saves under this name."""
    plain = name.encode("ascii", "replace").decode().translate(str.maketrans('"\\', "__"))
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
