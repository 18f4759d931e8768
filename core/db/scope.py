"""Whose data a call may see. Every repository call takes one; there is no default.

The scope of the statements that a task runs is what `transaction(scope)` or `scoped(scope)` says
around them. The host says it around handlers (the chat's) and jobs (their row's). Where nobody
does, a statement on a table with a scope raises ScopeError, on both databases; on PostgreSQL
row-level security shows and takes no other rows, whatever the statement says.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scope:
    """A tenant: a user's private archive, a group's, the shared library, or (named) the system.

    `key` is what the `scope` column of a table holds: `u:<user id>`, `c:<chat id>`, `library`.
    """

    key: str

    @classmethod
    def user(cls, user_id: int) -> Scope:
        return cls(f"u:{user_id}")

    @classmethod
    def chat(cls, chat_id: int) -> Scope:
        """The scope of a chat by Telegram's id: a private chat (positive) is its user's."""
        return cls.user(chat_id) if chat_id > 0 else cls(f"c:{chat_id}")

    @classmethod
    def library(cls) -> Scope:
        return cls("library")

    @property
    def whom(self) -> tuple[int | None, int | None]:
        """The user and the chat whose it is."""
        kind, _, number = self.key.partition(":")
        if kind not in ("u", "c"):
            return None, None
        return (int(number) if kind == "u" else None), int(number)

    @property
    def is_system(self) -> bool:
        return self.key == "system"

    def __str__(self) -> str:
        return self.key


SYSTEM = Scope("system")
"""For worker, reconciler and statistics: sees all rows. Never taken from a user's input."""

_running: ContextVar[Scope | None] = ContextVar("scope", default=None)


def running_scope() -> Scope | None:
    """What the statements of this task work on now."""
    return _running.get()


class scoped:  # noqa: N801 - reads as the statement that it is
    """`with scoped(scope): …`: the statements in the block work on the rows of this scope, also
    inside of a transaction of another one. `None`: of nobody, until somebody says."""

    def __init__(self, scope: Scope | None) -> None:
        self._scope = scope
        self._token: Token[Scope | None] | None = None

    def __enter__(self) -> None:
        self._token = _running.set(self._scope)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            try:
                _running.reset(self._token)
            except ValueError:  # left in another context than entered: an async generator
                _running.set(None)


def in_scope(
    function: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """For repository functions: their statements run in the Scope that is among their arguments."""

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with scoped(next(one for one in (*args, *kwargs.values()) if isinstance(one, Scope))):
            return await function(*args, **kwargs)

    return run
