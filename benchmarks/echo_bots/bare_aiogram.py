"""The bot that the echo benchmark compares with: aiogram as its own documentation starts it."""

import asyncio
import resource
import sys

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message

dispatcher = Dispatcher()


@dispatcher.message()
async def echo(message: Message) -> None:
    text = message.text or ""
    if text == "cpu?":
        usage = resource.getrusage(resource.RUSAGE_SELF)
        text = f"cpu {usage.ru_utime + usage.ru_stime}"
    await message.answer(text)


async def main(base: str) -> None:
    session = AiohttpSession(api=TelegramAPIServer.from_base(base))
    await dispatcher.start_polling(Bot("42:benchmark", session=session), handle_signals=False)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
