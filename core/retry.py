"""Trying again, and not waiting for ever: for calls that leave the process.

    await retry(lambda: client.get(url), attempts=4, on=(OSError,))

    @retrying(attempts=3, timeout=10)
    async def fetch() -> bytes: ...

Pauses grow exponentially and are jittered, so that many callers don't come back at the same
moment. An error that says when to come back (`seconds`, as `RetryAfter` has) is believed.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar, cast

from core.log import get_logger

P = ParamSpec("P")
T = TypeVar("T")

log = get_logger("retry")

Errors = type[Exception] | tuple[type[Exception], ...]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses: `base`, `base * factor`, … at most `longest` seconds, each ± `jitter` of itself."""

    base: float = 0.5
    factor: float = 2.0
    longest: float = 30.0
    jitter: float = 0.25

    def pause(self, attempt: int) -> float:
        """Seconds to wait after failed attempt number `attempt` (from 1)."""
        # Beyond 2**64 nobody waits, but a float would overflow.
        plain = min(self.base * self.factor ** min(attempt - 1, 64), self.longest)
        return plain * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class Policy:
    """How often, on which errors, how long. `timeout` is for each attempt, `total` for all."""

    attempts: int = 3
    backoff: Backoff = Backoff()
    on: Errors = (OSError, TimeoutError)
    timeout: float | None = None
    total: float | None = None
    give_up: Callable[[Exception], bool] | None = None
    """Says of an error that trying again is pointless."""

    def pause(self, error: Exception, attempt: int, elapsed: float) -> float | None:
        """Seconds to wait before the next attempt; None to let the error through."""
        if attempt >= self.attempts or (self.give_up and self.give_up(error)):
            return None
        asked = getattr(error, "seconds", None)
        seconds = float(asked) if isinstance(asked, int | float) else self.backoff.pause(attempt)
        if self.total is not None and elapsed + seconds >= self.total:
            return None
        return seconds


async def retry(
    call: Callable[[], Awaitable[T]],
    policy: Policy = Policy(),
    /,
    *,
    what: str = "",
    **changes: Any,
) -> T:
    """Await `call()` until it succeeds; the last error is raised when the attempts are used up.

    `changes` are fields of `Policy`: `attempts=5, on=(OSError,), timeout=10`. `what` names the call
    in logs.
    """
    policy = replace(policy, **changes) if changes else policy
    started, attempt = time.monotonic(), 0
    while True:
        attempt += 1
        try:
            return await _attempt(call, _patience(policy, started))
        except policy.on as error:
            seconds = policy.pause(error, attempt, time.monotonic() - started)
            if seconds is None:
                raise
            _tell(what or _name(call), error, attempt, seconds)
        await asyncio.sleep(seconds)


def retry_sync(
    call: Callable[[], T], policy: Policy = Policy(), /, *, what: str = "", **changes: Any
) -> T:
    """The same for code without a loop. `timeout` isn't possible here: give one to the call."""
    policy = replace(policy, **changes) if changes else policy
    started, attempt = time.monotonic(), 0
    while True:
        attempt += 1
        try:
            return call()
        except policy.on as error:
            seconds = policy.pause(error, attempt, time.monotonic() - started)
            if seconds is None:
                raise
            _tell(what or _name(call), error, attempt, seconds)
        time.sleep(seconds)


def retrying(
    policy: Policy = Policy(), /, **changes: Any
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorator: every call of the function, async or plain, is retried."""
    policy = replace(policy, **changes) if changes else policy

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        name = getattr(function, "__qualname__", repr(function))
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def again(*args: P.args, **kwargs: P.kwargs) -> Any:
                call = cast("Callable[[], Awaitable[Any]]", lambda: function(*args, **kwargs))
                return await retry(call, policy, what=name)

            return cast("Callable[P, T]", again)

        @functools.wraps(function)
        def again_sync(*args: P.args, **kwargs: P.kwargs) -> T:
            return retry_sync(lambda: function(*args, **kwargs), policy, what=name)

        return again_sync

    return decorate


async def within(seconds: float | None, call: Awaitable[T], *, what: str = "") -> T:
    """Await something for at most `seconds`. Raises TimeoutError that says what took too long."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await call
    except TimeoutError:
        if limit.expired():
            raise TimeoutError(f"{what or 'a call'} took longer than {seconds:g} s") from None
        raise


async def _attempt(call: Callable[[], Awaitable[T]], patience: float | None) -> T:
    async with asyncio.timeout(patience):
        return await call()


def _patience(policy: Policy, started: float) -> float | None:
    if policy.total is None:
        return policy.timeout
    left = max(policy.total - (time.monotonic() - started), 0.0)
    return left if policy.timeout is None else min(policy.timeout, left)


def _tell(what: str, error: Exception, attempt: int, seconds: float) -> None:
    log.info(
        "trying again",
        what=what,
        error=f"{type(error).__name__}: {error}",
        attempt=attempt,
        seconds=round(seconds, 2),
    )


def _name(call: Callable[..., object]) -> str:
    return getattr(call, "__qualname__", repr(call))
