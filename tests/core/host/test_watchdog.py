"""The watchdog names who holds the loop, and nobody who is merely slow."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from core.host.hooks import Hooks
from core.host.watchdog import Watchdog, _Clock
from tests.core.work import eventually

LIMIT = 0.5
BLOCKERS = """
import asyncio, re, time

async def sleeps(seconds):
    time.sleep(seconds)  # here

async def computes(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass

async def holds_the_interpreter():
    re.match(r"(a|aa)+$", "a" * 32 + "b")  # in C, and no other thread runs meanwhile

async def awaits(seconds):
    await asyncio.sleep(seconds)
"""


@pytest.fixture
def blockers(tmp_path: Path) -> Any:
    path = tmp_path / "blockers.py"
    path.write_text(BLOCKERS)
    module = ModuleType("blockers")
    exec(compile(BLOCKERS, str(path), "exec"), module.__dict__)  # noqa: S102 - the text above
    module.__file__ = str(path)
    return module


@pytest.fixture
async def watched(blockers: Any) -> Any:
    """A started watchdog, and the hooks with the plugin's breaker."""
    settings = SimpleNamespace(
        timeout=5.0, breaker_failures=3, breaker_window=60.0, breaker_pause=30.0, trace=False
    )
    hooks = Hooks(settings)
    plugin: Any = SimpleNamespace(id="blockers", root=Path(blockers.__file__))
    dog = Watchdog(hooks, lambda: [plugin], LIMIT)
    dog.start()
    await asyncio.sleep(LIMIT / 2)  # it has begun to look
    yield hooks
    await dog.stop()


async def opened(hooks: Hooks) -> bool:
    return hooks.breaker("blockers").state == "open"


@pytest.mark.parametrize("how", ["sleeps", "computes"])
async def test_who_blocks_is_named_and_paused(
    watched: Hooks, blockers: Any, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    await getattr(blockers, how)(LIMIT * 3)
    let_go = time.monotonic()
    await eventually(lambda: opened(watched), timeout=10)
    assert time.monotonic() - let_go < 2
    assert "holds the event loop" in caplog.text
    assert f"blockers.py:{5 if how == 'sleeps' else 9}" in caplog.text.replace(":10", ":9")
    assert f" in {how}" in caplog.text


async def test_code_that_lets_no_thread_run_is_named_afterwards(
    watched: Hooks, blockers: Any
) -> None:
    began = time.thread_time()
    await blockers.holds_the_interpreter()
    if time.thread_time() - began < LIMIT * 1.2:
        pytest.fail("the machine got too fast for this pattern: make it longer")
    await eventually(lambda: opened(watched), timeout=10)


async def test_who_awaits_is_left_alone(watched: Hooks, blockers: Any) -> None:
    await blockers.awaits(LIMIT * 3)
    assert watched.breaker("blockers").state == "closed"


async def test_nobody_is_blamed_for_the_core(
    watched: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    time.sleep(LIMIT * 4)  # noqa: ASYNC251 - on purpose
    await asyncio.sleep(0.1)
    assert "the event loop stands still" in caplog.text
    assert watched.breaker("blockers").state == "closed"


def test_a_stopped_process_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGSTOP, or a laptop that slept: the clock ran on, and the thread did nothing."""
    clock = _Clock()
    readings: Iterator[tuple[float, float, float]] = iter([(0, 0, 0), (60, 0, 0), (65, 3, 2)])
    read: Callable[[], Any] = lambda: next(readings)  # noqa: E731
    monkeypatch.setattr(clock, "_read", read)
    clock.start()
    assert clock.lap(0.1) == pytest.approx(0.1)
    assert clock.lap(0.1) == pytest.approx(3)  # worked when it could, and let nobody else


def test_a_busy_machine_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock()
    readings = iter([(0.0, 0.0, 0.0), (0.1, 0.02, 0.08)])
    monkeypatch.setattr(clock, "_read", lambda: next(readings))
    clock.start()
    assert clock.lap(0.1) == pytest.approx(0.02)


async def test_it_ends(watched: Hooks) -> None:
    assert any(thread.name == "watchdog" for thread in threading.enumerate())
