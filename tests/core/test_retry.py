from __future__ import annotations

import asyncio
import time

import pytest

from core.retry import Backoff, Policy, retry, retry_sync, retrying, within

QUICK = Backoff(base=0.001)


class Flaky:
    """Fails so many times, then answers."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or ConnectionError("reset")
        self.calls = 0

    def now(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "answer"

    async def later(self) -> str:
        return self.now()


async def test_tries_until_it_succeeds() -> None:
    flaky = Flaky(2)
    assert await retry(flaky.later, attempts=3, backoff=QUICK) == "answer"
    assert flaky.calls == 3


async def test_raises_the_last_error_when_attempts_are_used_up() -> None:
    flaky = Flaky(5)
    with pytest.raises(ConnectionError):
        await retry(flaky.later, attempts=3, backoff=QUICK)
    assert flaky.calls == 3


async def test_other_errors_pass_at_once() -> None:
    flaky = Flaky(5, ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await retry(flaky.later, attempts=3, backoff=QUICK)
    assert flaky.calls == 1


async def test_an_error_may_be_final() -> None:
    flaky = Flaky(5)
    with pytest.raises(ConnectionError):
        await retry(flaky.later, Policy(attempts=3, give_up=lambda error: True))
    assert flaky.calls == 1


async def test_an_error_may_say_when() -> None:
    class Slowly(Exception):
        seconds = 0.05

    flaky = Flaky(1, Slowly())
    started = time.monotonic()
    await retry(flaky.later, on=Slowly, backoff=Backoff(base=60))
    assert 0.05 <= time.monotonic() - started < 5


async def test_each_attempt_has_its_time_out() -> None:
    calls = 0

    async def slow_once() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.sleep(60)
        return "answer"

    assert await retry(slow_once, timeout=0.05, backoff=QUICK) == "answer"
    assert calls == 2


async def test_all_attempts_together_have_one_too() -> None:
    started = time.monotonic()
    with pytest.raises(ConnectionError):
        await retry(Flaky(99).later, attempts=99, total=0.1, backoff=Backoff(base=0.03))
    assert time.monotonic() - started < 1


async def test_cancelling_is_not_retried() -> None:
    task = asyncio.create_task(retry(Flaky(99).later, attempts=99, backoff=Backoff(base=60)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_without_a_loop() -> None:
    flaky = Flaky(2)
    assert retry_sync(flaky.now, attempts=3, backoff=QUICK) == "answer"
    with pytest.raises(ConnectionError):
        retry_sync(Flaky(3).now, attempts=3, backoff=QUICK)


async def test_decorated_functions() -> None:
    flaky = Flaky(1)

    @retrying(attempts=2, backoff=QUICK)
    async def later(word: str) -> str:
        return word + await flaky.later()

    @retrying(attempts=2, backoff=QUICK)
    def now(word: str) -> str:
        return word + flaky.now()

    assert await later("an ") == "an answer"
    flaky.calls = 0
    assert now("the ") == "the answer"
    assert later.__name__ == "later"


def test_pauses_grow_and_differ() -> None:
    backoff = Backoff(base=1, factor=2, longest=10, jitter=0.25)
    for attempt, plain in ((1, 1), (2, 2), (4, 8), (5, 10), (5000, 10)):
        pauses = {backoff.pause(attempt) for _ in range(50)}
        assert all(plain * 0.75 <= pause <= plain * 1.25 for pause in pauses)
        assert len(pauses) > 10


async def test_within_says_what_took_too_long() -> None:
    assert await within(5, asyncio.sleep(0, "done")) == "done"
    with pytest.raises(TimeoutError, match=r"the model took longer than 0\.01 s"):
        await within(0.01, asyncio.sleep(60), what="the model")
