"""A whole plugin: /shout makes a text loud."""

import plugram

manifest = {
    "id": "shout",
    "version": "1.0",
    "summary": "Makes texts loud",
    "api": ">=1,<2",
    "commands": {"shout": "Say something louder"},
}


async def shout(message, command):
    await message.answer(plugram.escape((command.args or "What?").upper()))


@plugram.hookimpl
def routers(ctx):
    from aiogram import Router, filters

    router = Router()
    router.message.register(shout, filters.Command("shout"))
    return [router]
