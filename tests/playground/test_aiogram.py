"""A stock aiogram bot in the playground: what Telegram's own clients send must pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError, TelegramRetryAfter
from aiogram.filters import Command
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
)

from playground import Playground, Running
from playground.client import Person
from tests.playground.conftest import ANN


def dispatcher() -> Dispatcher:
    bot = Dispatcher()

    @bot.message(Command("menu"))
    async def menu(message: Message) -> None:
        button = InlineKeyboardButton(text="Press", callback_data="press")
        await message.answer("Menu", reply_markup=InlineKeyboardMarkup(inline_keyboard=[[button]]))

    @bot.callback_query(F.data == "press")
    async def pressed(query: CallbackQuery) -> None:
        assert isinstance(query.message, Message)
        await query.answer("Pressed!", show_alert=True)
        await query.message.edit_text("<i>Pressed</i>")

    @bot.message(F.document)
    async def document(message: Message, bot: Bot) -> None:
        assert message.document
        content = await bot.download(message.document)
        assert content
        upper = BufferedInputFile(content.read().upper(), "upper.txt")
        await message.reply_document(upper, caption="<b>louder</b>")

    @bot.message()
    async def echo(message: Message) -> None:
        await message.send_copy(message.chat.id)

    return bot


@pytest.fixture
async def bot(running: Running) -> AsyncIterator[Bot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(running.url))
    async with Bot(
        running.token, session=session, default=DefaultBotProperties(parse_mode="HTML")
    ).context() as bot:
        yield bot


@pytest.fixture
async def polling(bot: Bot) -> AsyncIterator[None]:
    polling = asyncio.create_task(dispatcher().start_polling(bot, handle_signals=False))
    yield
    polling.cancel()
    with suppress(asyncio.CancelledError):
        await polling


@pytest.mark.usefixtures("polling")
async def test_an_echo_bot(ann: Person) -> None:
    await ann.send("*Hello* #world", parse_mode="Markdown")
    echo = await ann.wait_reply(contains="Hello")
    assert [e["type"] for e in echo["entities"]] == ["bold", "hashtag"]


@pytest.mark.usefixtures("polling")
async def test_buttons(ann: Person) -> None:
    await ann.send("/menu")
    menu = await ann.wait_reply(contains="Menu")
    answer = await ann.click(menu, "Press", wait=10)
    assert answer == {"text": "Pressed!", "show_alert": True, "url": ""}
    assert (await ann.wait_text(menu, "Pressed"))["entities"][0]["type"] == "italic"


@pytest.mark.usefixtures("polling")
async def test_files(client: Playground, ann: Person) -> None:
    sent = await ann.upload(b"quiet", name="quiet.txt")
    reply = await ann.wait_reply(contains="louder")
    assert reply["reply_to_message"]["message_id"] == sent["message_id"]
    _, content = await client.request(
        "GET", f"/control/files/{reply['document']['file_id']}", b"", ""
    )
    assert content == b"QUIET"


async def test_errors_have_their_classes(bot: Bot, client: Playground, ann: Person) -> None:
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_message(5, "x")
    await client.fault("429", "sendMessage", retry_after=3)
    with pytest.raises(TelegramRetryAfter) as caught:
        await bot.send_message(ANN, "x")
    assert caught.value.retry_after == 3
    await ann.block()
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.send_message(ANN, "x")


async def test_methods_around_the_chat(bot: Bot, ann: Person) -> None:
    await bot.set_my_commands([BotCommand(command="menu", description="The menu")])
    assert (await bot.get_my_commands())[0].command == "menu"
    chat = await bot.get_chat(ANN)
    assert (chat.first_name, chat.accent_color_id) == ("Ann", ANN % 7)
    assert (await bot.get_chat_member(ANN, ANN)).status == "member"
    assert (await bot.me()).username == "playground_bot"
    message = await bot.send_message(ANN, "x")
    assert await message.react([]) is True
    assert await message.pin() is True
    assert (await message.forward(ANN)).forward_origin
    assert await message.delete() is True
