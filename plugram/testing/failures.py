"""What went wrong inside the bot: the log is read, since nothing there reaches the test by itself.

The host keeps a failing plugin from harming others; in a test that would hide the fault.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HOSTS = ("aiogram", "core", "importlib", "pluggy", "plugram")
"""Packages whose lines in a traceback tell how the host came to the plugin."""
_SAYINGS = {
    "update set aside": "a handler failed, and the bot gave up on {kind} {update_id}",
    "job failed": "the job {job} failed (attempt {attempt})",
    "job is dead": "the job {job} failed for good",
    "hook failed": "the hook {hook} of the plugin {plugin} failed",
    "plugin quarantined": "the plugin {plugin} was set aside (at: {stage})",
    "plugin paused": "the plugin {plugin} is paused",
    "plugin didn't stop cleanly": "the plugin {plugin} didn't stop cleanly",
}


class PluginFailed(AssertionError):
    """Something in the bot failed; the text says what, with the traceback."""


@dataclass(frozen=True)
class Failure:
    """One of them."""

    what: str
    """In plain words."""
    why: str
    """The host's reason, where there is one beside the exception."""
    error: BaseException | None = None

    def __str__(self) -> str:
        lines = [self.what if not self.why else f"{self.what}: {self.why}"]
        if self.error is not None:
            lines.append(_traceback(self.error))
        return "\n".join(lines)


class Failures(logging.Handler):
    """Listens to the log while a bot runs: errors, and exceptions that were logged as warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[Failure] = []
        self.told = False
        """They were raised once: the test has failed."""
        self._allowed: list[tuple[tuple[type[BaseException], ...], list[Failure]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        fields = record.msg if isinstance(record.msg, dict) else {}
        error = _exception(fields.get("exc_info", record.exc_info))
        if record.levelno < logging.ERROR and error is None:
            return
        if fields.get("event") == "job is dead" and self.found:
            return  # it has failed before, which was told with its traceback
        self._note(_failure(record, fields, error))

    def _note(self, failure: Failure) -> None:
        for kinds, found in self._allowed:
            if isinstance(failure.error, kinds) or (failure.error is None and found):
                found.append(failure)
                return
        self.found.append(failure)

    @contextmanager
    def allowed(self, *kinds: type[BaseException]) -> Iterator[list[Failure]]:
        """Failures of these kinds are expected inside, and gathered."""
        expected: list[Failure] = []
        entry = (kinds or (BaseException,), expected)
        self._allowed.append(entry)
        try:
            yield expected
        finally:
            self._allowed.remove(entry)

    def check(self) -> None:
        """Raises PluginFailed with all that was found, and forgets it."""
        __tracebackhide__ = True
        if self.found:
            found, self.found, self.told = self.found, [], True
            raise PluginFailed("\n\n".join(map(str, found)))


def _failure(
    record: logging.LogRecord, fields: dict[str, Any], error: BaseException | None
) -> Failure:
    event = str(fields.get("event", "")) or record.getMessage()
    facts = {key: str(value) for key, value in fields.items()}
    try:
        what = _SAYINGS.get(event, event).format(**facts)
    except (KeyError, IndexError, ValueError):
        what = event
    why = facts.get("reason") or facts.get("error", "")
    told = error is not None and (str(error) in why or not str(error))
    return Failure(what, "" if told and event in _SAYINGS else why, error)


def _exception(said: Any) -> BaseException | None:
    if isinstance(said, BaseException):
        return said
    if isinstance(said, tuple):
        return said[1] if isinstance(said[1], BaseException) else None
    return sys.exc_info()[1] if said else None


def _traceback(error: BaseException) -> str:
    """The traceback from the first line of the plugin on: how the host came there is no help."""
    told = traceback.TracebackException.from_exception(error)
    hosts = tuple(
        str(Path(module.__file__).parent)
        for name in _HOSTS
        if (module := sys.modules.get(name)) is not None and module.__file__
    )
    hosts += ("<frozen importlib",)
    own = [frame for frame in told.stack if not frame.filename.startswith(hosts)]
    if own:
        start = told.stack.index(own[0])
        told.stack = traceback.StackSummary.from_list(told.stack[start:])
    told.__cause__ = told.__context__ = None
    return "".join(told.format()).rstrip()
