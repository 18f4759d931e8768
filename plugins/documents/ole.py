"""What Word, Excel and PowerPoint wrote until 2003, and what they write when a password is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from plugram import SandboxRefused

_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def extract(path: str, limits: dict[str, Any]) -> NoReturn:
    """Always refuses: with `encrypted` if a password protects it, else with `unsupported`."""
    if _ENCRYPTED in Path(path).read_bytes():
        raise SandboxRefused("the document asks for a password", reason="encrypted")
    raise SandboxRefused("a format of Office before 2007", reason="unsupported")
