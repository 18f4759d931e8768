"""The hook reference, written from the specs: `docs/hooks.md` includes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from core.host import hookspecs

_SPEC = f"{hookspecs.PROJECT}_spec"


def hooks() -> list[Callable[..., Any]]:
    """All specs, in the order of their file."""
    found = [one for one in vars(hookspecs).values() if hasattr(one, _SPEC)]
    return sorted(found, key=lambda spec: spec.__code__.co_firstlineno)


def signature(spec: Callable[..., Any]) -> str:
    """`async def on_ready(ctx: Context) -> None`, as in the file."""
    kind = "async def" if inspect.iscoroutinefunction(spec) else "def"
    return f"{kind} {spec.__name__}{inspect.signature(spec)}".replace("'", "")


def markdown() -> str:
    """Registration hooks, then runtime hooks: name, exact signature, docstring."""
    sync = [spec for spec in hooks() if not inspect.iscoroutinefunction(spec)]
    runtime = [spec for spec in hooks() if inspect.iscoroutinefunction(spec)]
    parts = ["## Registration hooks", *map(_entry, sync), "## Runtime hooks", *map(_entry, runtime)]
    return "\n\n".join(parts) + "\n"


def _entry(spec: Callable[..., Any]) -> str:
    return f"### {spec.__name__}\n\n```python\n{signature(spec)}\n```\n\n{inspect.getdoc(spec)}"
