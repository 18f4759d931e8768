"""Each parser reads damaged copies of an honest file, each in a child of its own.

It may read them or refuse them with a reason; it may not crash, and no mistake of its own
(an index that isn't there, a name that isn't set) may be what refuses a file.
`PLUGRAM_DRILL=full` makes a thousand mutants per parser instead of a few.
"""

from __future__ import annotations

import asyncio
import io
import os
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import app as composition
from core import media
from core.errors import SandboxRefused
from tests.conftest import SettingsFactory
from tests.support.hostile import samples

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(3600)]

FULL = os.environ.get("PLUGRAM_DRILL") == "full"
MUTANTS = 1000 if FULL else 8
SEED = 20260
_OWN_MISTAKE = re.compile(
    r"read: (?:TypeError|AttributeError|NameError|UnboundLocalError|AssertionError|IndexError|"
    r"KeyError|ZeroDivisionError|StopIteration|RuntimeError|error): "
)
_ODD = (b"\0", b"\xff", b"\x80", b"<", b">", b"&", b'"', b"%", b"\\", b"{", b"}", b"[", b"(", b"\n")
_NUMBERS = (b"-1", b"0", b"4294967296", b"99999999999999999999", b"1e999", b"nan", b"")


@pytest.mark.parametrize("name", samples.SAMPLES)
async def test_mutants_are_read_or_refused(
    name: str, tmp_path: Path, settings_factory: SettingsFactory
) -> None:
    whole = samples.SAMPLES[name]()
    dice = random.Random(f"{SEED} {name}")
    settings = settings_factory(sandbox__cpu_seconds=3, sandbox__wall_seconds=30)
    mistakes: list[str] = []
    async with composition.session(settings, start=False) as session:
        sandbox = session.plugins[0].ctx.sandbox
        path = tmp_path / name
        path.write_bytes(whole)
        mime = media.sniff(path, name)
        able = [one for plugin in session.plugins for one in plugin.parts.processors]
        reader = max(
            (one for one in able if one.task == "read" and media.matches(mime, tuple(one.mimes))),
            key=lambda one: one.score,
        )
        honest = await sandbox.run(reader, path)
        assert honest.sections or honest.resume, "the honest file isn't read"

        async def attempt(number: int, mutant: bytes) -> None:
            target = tmp_path / f"{number}-{name}"
            target.write_bytes(mutant)
            try:
                await sandbox.run(reader, target)
            except SandboxRefused as error:
                if error.reason == "crash" or _OWN_MISTAKE.search(str(error)):
                    mistakes.append(f"{number}: {error}")
            else:
                target.unlink()

        mutants = enumerate(_mutants(whole, dice))

        async def work() -> None:
            for number, mutant in mutants:
                await attempt(number, mutant)

        await asyncio.gather(*(work() for _ in range(os.cpu_count() or 1)))
    assert not mistakes


def _mutants(whole: bytes, dice: random.Random) -> Iterator[bytes]:
    """Archives are damaged inside, where a checksum doesn't give it away at once."""
    inside = zipfile.is_zipfile(io.BytesIO(whole))
    for number in range(MUTANTS):
        change = dice.choice(_CHANGES)
        if inside and number % 4:
            yield _inside(whole, dice, change)
        else:
            yield change(whole, dice)


def _inside(whole: bytes, dice: random.Random, change: Callable[..., bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(held, "w") as new:
        chosen = dice.choice(old.namelist())
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data, dice) if name == chosen else data)
    return held.getvalue()


def _flip(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 4, 32))):
        if changed:
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _insert(data: bytes, dice: random.Random) -> bytes:
    at = dice.randint(0, len(data))
    return data[:at] + dice.choice(_ODD) * dice.choice((1, 3, 500)) + data[at:]


def _cut(data: bytes, dice: random.Random) -> bytes:
    start, end = sorted(dice.randint(0, len(data)) for _ in range(2))
    return data[:start] + data[end:]


def _shorten(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randint(0, len(data))]


def _repeat(data: bytes, dice: random.Random) -> bytes:
    start = dice.randint(0, len(data))
    piece = data[start : start + dice.choice((1, 20, 300))]
    return data[:start] + piece * dice.choice((2, 50)) + data[start:]


def _renumber(data: bytes, dice: random.Random) -> bytes:
    """Another number where there is one."""
    found = list(re.finditer(rb"\d+", data))
    if not found:
        return _flip(data, dice)
    match = dice.choice(found)
    return data[: match.start()] + dice.choice(_NUMBERS) + data[match.end() :]


def _swap(data: bytes, dice: random.Random) -> bytes:
    """Two words change places: elements where they don't belong."""
    words = re.split(rb"(\W+)", data)
    if len(words) > 3:
        one, other = (dice.randrange(len(words)) for _ in range(2))
        words[one], words[other] = words[other], words[one]
    return b"".join(words)


_CHANGES = (_flip, _insert, _cut, _shorten, _repeat, _renumber, _swap)
