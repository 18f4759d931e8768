"""The same bot as a plugin of one file."""

import resource
from collections.abc import Sequence

from aiogram import Router
from aiogram.types import Message

import plugram

manifest = {
    "id": "echo",
    "version": "1.0",
    "summary": "Says what it hears",
    "api": ">=1,<2",
    "permissions": ["read_messages"],
}

router = Router()


@router.message()
async def echo(message: Message) -> None:
    text = message.text or ""
    if text == "cpu?":
        usage = resource.getrusage(resource.RUSAGE_SELF)
        text = f"cpu {usage.ru_utime + usage.ru_stime}"
    await message.answer(text)


@plugram.hookimpl
def routers() -> Sequence[Router]:
    return [router]
