"""What a hostile file reaches for, and the list of those who make them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Trap:
    """Outside of the sandbox: a file that must not be read, a folder that must not be written to,
    and an address that nobody may connect to."""

    secret: Path
    folder: Path
    url: str
    full: bool = False
    """As large as can be sent; otherwise smaller, to be quick."""

    @property
    def file_url(self) -> str:
        return self.secret.as_uri()

    def size(self, full: int, short: int) -> int:
        return full if self.full else short


Maker = Callable[[Trap], bytes | str]
MAKERS: dict[str, Maker] = {}
ROOMS: dict[str, list[str]] = {}
"""Names by the module that makes them."""


def hostile(name: str, room: str = "") -> Callable[[Maker], Maker]:
    def register(maker: Maker) -> Maker:
        if name in MAKERS:
            raise ValueError(f"two hostile files are called {name}")
        MAKERS[name] = maker
        ROOMS.setdefault((room or maker.__module__).rpartition(".")[2], []).append(name)
        return maker

    return register


def same(name: str, content: bytes | str) -> None:
    """A file that needs no trap."""
    room = inspect.stack()[1].frame.f_globals["__name__"]
    hostile(name, room)(lambda _: content)


def make(name: str, folder: Path, trap: Trap) -> Path:
    content = MAKERS[name](trap)
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
