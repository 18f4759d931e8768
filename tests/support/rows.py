"""Looking at the database behind the back of the code that is tested."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from core.db.scope import SYSTEM, scoped

T = TypeVar("T")


async def of_all(work: Awaitable[T]) -> T:
    """A statement of a test, which sees the rows of all scopes: `await of_all(db.fetch(…))`."""
    with scoped(SYSTEM):
        return await work
