"""Hostile files through the door that a chat's files take: sniffed, given to the reader that wins,
read in the sandbox. No child harms anybody, whatever it read.

The short form sends one in three. `PLUGRAM_DRILL=full` sends all at full size, under the
limits that are set by default, and each cut in half and with a few bytes changed as well.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core import app as composition
from core import media
from core.cage.limits import Limits
from core.config import Settings
from core.errors import SandboxRefused
from core.host.roles import Extraction, Processor
from core.sandbox import Sandbox
from tests.conftest import SettingsFactory
from tests.support.hostile import MAKERS, ROOMS, Trap, make

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(3600)]

FULL = os.environ.get("PLUGRAM_DRILL") == "full"
SLACK = 5.0
"""Seconds beyond its wall limit in which a child is seen to have ended, on a busy machine."""
SHORT = {"sandbox__cpu_seconds": 1, "sandbox__wall_seconds": 10}
FEWEST = 60
ONE_IN = 3
CANARY = "canary-4f1d9c-not-for-you"
_MOST_PARTS = 3 if FULL else 1
"""Of a file that is read by several children, one after the other (OCR)."""
GROUPS = ("archives", "texts mails", "office", "pdfs images")


@dataclass
class Ledger:
    """What happened to each file."""

    read: dict[str, Extraction] = field(default_factory=dict)
    refused: dict[str, SandboxRefused] = field(default_factory=dict)
    unsupported: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    """Against the promises: name → what went wrong."""


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Trap]:
    """A secret, a folder and a listener; at the end they must be as they were."""
    folder = tmp_path / "outside"
    folder.mkdir()
    secret = folder / "secret.txt"
    secret.write_text(CANARY)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        before = _tree(folder)
        yield Trap(secret, folder, f"http://127.0.0.1:{port}", full=FULL)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert _tree(folder) == before


def _tree(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
    }


def test_there_are_enough_of_them() -> None:
    assert len(MAKERS) >= FEWEST * ONE_IN


@pytest.mark.parametrize("group", GROUPS)
async def test_each_is_refused_with_a_reason_or_read_harmlessly(
    group: str, trap: Trap, tmp_path: Path, settings_factory: SettingsFactory
) -> None:
    desk = tmp_path / "desk"
    desk.mkdir()
    names = [name for room in group.split() for name in ROOMS[room]]
    names = names if FULL else names[::ONE_IN]
    async with _readers(settings_factory(**({} if FULL else SHORT))) as (sandbox, processors):
        await sandbox.walls()
        _weigh(sandbox, ledger := Ledger())
        parent = sandbox.pid
        queue = iter(names)

        async def work() -> None:
            for name in queue:
                for path in _variants(await asyncio.to_thread(make, name, desk, trap)):
                    await _send(path, sandbox, processors, ledger)
                    path.unlink(missing_ok=True)

        await asyncio.gather(*(work() for _ in range(os.cpu_count() or 1)))
        assert sandbox.pid == parent, "the sandbox's parent didn't outlive its files"
    assert not ledger.broken
    assert not list(desk.iterdir()), "something was left behind"
    assert len(ledger.read) + len(ledger.refused) + len(ledger.unsupported) >= len(names)


def _weigh(sandbox: Sandbox, ledger: Ledger) -> None:
    """Note whose child held more memory than it may."""
    run = sandbox._run

    async def weighed(request: dict[str, Any], limits: Limits) -> Any:
        outcome = await run(request, limits)
        if outcome.peak_kib > limits.memory_mb << 10:
            ledger.broken[Path(request["path"]).name] = f"held {outcome.peak_kib >> 10} MB"
        return outcome

    sandbox._run = weighed  # type: ignore[method-assign]


def _variants(path: Path) -> Iterator[Path]:
    yield path
    if FULL:
        data = path.read_bytes() if path.exists() else b""
        dice = random.Random(path.name)
        for number in range(3):
            damaged = bytearray(data[: len(data) // 2] if number == 0 else data)
            for _ in range(number * 8):
                if damaged:
                    damaged[dice.randrange(len(damaged))] = dice.randrange(256)
            other = path.with_name(f"{number}-{path.name}")
            other.write_bytes(damaged)
            yield other


@asynccontextmanager
async def _readers(settings: Settings) -> AsyncIterator[tuple[Sandbox, Sequence[Processor]]]:
    """The sandbox, and the processors of all plugins."""
    async with composition.session(settings, start=False) as session:
        found = [one for plugin in session.plugins for one in plugin.parts.processors]
        (sandbox,) = {
            id(plugin.ctx.sandbox): plugin.ctx.sandbox for plugin in session.plugins
        }.values()
        yield sandbox, found


async def _send(
    path: Path, sandbox: Sandbox, processors: Sequence[Processor], ledger: Ledger
) -> None:
    name = path.name
    mime = await asyncio.to_thread(media.sniff, path, name)
    first = _winner(processors, mime, "read")
    artist = _winner(processors, mime, "thumbnail")
    if first is None and artist is None:
        ledger.unsupported.append(name)
    for reader in (first, artist):
        if reader is not None:
            await _read(reader, path, sandbox, processors, ledger)


def _winner(processors: Sequence[Processor], mime: str, task: str) -> Processor | None:
    able = [one for one in processors if one.task == task and media.matches(mime, tuple(one.mimes))]
    return max(able, key=lambda one: one.score, default=None)


async def _read(
    reader: Processor,
    path: Path,
    sandbox: Sandbox,
    processors: Sequence[Processor],
    ledger: Ledger,
) -> None:
    name, resume = path.name, None
    for _ in range(_MOST_PARTS):
        started = time.monotonic()
        try:
            found = await sandbox.run(reader, path, resume=resume)
        except SandboxRefused as error:
            ledger.refused.setdefault(name, error)
            if not error.reason or (error.limit and "PLUGRAM_SANDBOX__" not in error.hint):
                ledger.broken[name] = f"no reason, or no way out: {error}"
            return
        except Exception as error:  # noqa: BLE001 - that's what is looked for
            ledger.broken[name] = repr(error)
            return
        finally:
            took = time.monotonic() - started
            if took > sandbox.limits_of(reader).wall_seconds + SLACK:
                ledger.broken[name] = f"took {took:.1f} s"
        ledger.read[name] = found
        if CANARY in repr(found):
            ledger.broken[name] = "the secret was read"
        follower = [one for one in processors if one.name == (found.resume or {}).get("processor")]
        if found.resume is None or not follower:
            return
        reader, resume = follower[0], found.resume
