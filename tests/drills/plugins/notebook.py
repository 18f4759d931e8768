"""A plugin for the drills: writes down each message in a transaction, and says so."""

import os
from collections.abc import Sequence

from aiogram import Router
from aiogram.types import Message

import plugram

manifest = {
    "id": "notebook",
    "version": "1.0",
    "summary": "Writes down what it hears",
    "api": ">=1,<2",
    "permissions": ["read_messages"],
}


@plugram.hookimpl
def routers() -> Sequence[Router]:
    router = Router()

    @router.message()
    async def note(message: Message, ctx: plugram.Context, scope: plugram.Scope) -> None:
        async with ctx.transaction(scope):
            await ctx.db.execute(
                "INSERT INTO drill_effects (number, chat, pid) VALUES ($1, $2, $3)",
                int(message.text or 0),
                message.chat.id,
                os.getpid(),
            )
        await message.answer(f"noted {message.text}")

    return [router]
