"""Who may use the bot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugins.access import service
from plugram import Context, Visit, hookimpl

if TYPE_CHECKING:
    import typer
    from aiogram import Router


@hookimpl
async def check_access(ctx: Context, visit: Visit) -> str | None:
    return await service.of(ctx).refusal(visit)


@hookimpl
def routers(ctx: Context) -> Sequence[Router]:
    from plugins.access.handlers import build

    return [build()]


@hookimpl
def cli(ctx: Context) -> typer.Typer:
    from plugins.access.console import build

    return build(ctx)
