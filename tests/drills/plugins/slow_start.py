"""A plugin for the drills: its start awaits for longer than anybody waits."""

import asyncio

from plugram import Context, hookimpl

manifest = {"id": "slow_start", "version": "1.0", "summary": "Sleeps", "api": ">=1,<2"}


@hookimpl
async def on_startup(ctx: Context) -> None:
    await asyncio.sleep(600)
