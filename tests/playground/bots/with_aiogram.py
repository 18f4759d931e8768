"""A bot of aiogram: a form, counting buttons, inline mode. With a port it takes a webhook."""

from __future__ import annotations

import asyncio
import os
import sys

from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import ChatMemberUpdatedFilter, Command, CommandObject, CommandStart
from aiogram.filters.chat_member_updated import JOIN_TRANSITION
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import (
    CallbackQuery,
    ChatMemberUpdated,
    ChosenInlineResult,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQuery,
    InlineQueryResultArticle,
    InputMediaPhoto,
    InputTextMessageContent,
    KeyboardButton,
    Message,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web

SECRET = "a-secret_1"
router = Router()


class Form(StatesGroup):
    name = State()
    phone = State()


@router.message(CommandStart(deep_link=True))
async def invited(message: Message, command: CommandObject) -> None:
    await message.answer(f"Invited by {command.args}")


@router.message(CommandStart())
async def start(message: Message, state: FSMContext) -> None:
    await state.set_state(Form.name)
    await message.answer("What's your name?")


@router.message(Form.name, F.text)
async def name(message: Message, state: FSMContext) -> None:
    await state.update_data(name=message.text)
    await state.set_state(Form.phone)
    button = KeyboardButton(text="My number", request_contact=True)
    keyboard = ReplyKeyboardMarkup(keyboard=[[button]], resize_keyboard=True)
    await message.answer("And your number?", reply_markup=keyboard)


@router.message(Form.phone, F.contact)
async def phone(message: Message, state: FSMContext) -> None:
    assert message.contact
    known = await state.get_data()
    await state.clear()
    await message.answer(
        f"{known['name']}: {message.contact.phone_number}", reply_markup=ReplyKeyboardRemove()
    )


def counter(count: int) -> InlineKeyboardMarkup:
    button = InlineKeyboardButton(text=f"Count {count}", callback_data=str(count + 1))
    return InlineKeyboardMarkup(inline_keyboard=[[button]])


@router.message(Command("count"))
async def count(message: Message) -> None:
    await message.answer("Press", reply_markup=counter(0))


@router.callback_query()
async def counted(query: CallbackQuery, bot: Bot) -> None:
    await query.answer(f"That's {query.data}")
    markup = counter(int(query.data or 0))
    if isinstance(query.message, Message):
        await query.message.edit_reply_markup(reply_markup=markup)
    else:
        await bot.edit_message_reply_markup(
            inline_message_id=query.inline_message_id, reply_markup=markup
        )


@router.message(F.media_group_id, F.photo)
async def album(message: Message) -> None:
    assert message.photo
    photo = message.photo[-1].file_id
    if message.caption:
        await message.answer_media_group([InputMediaPhoto(media=photo)] * 2)


@router.inline_query()
async def search(query: InlineQuery) -> None:
    found = InlineQueryResultArticle(
        id="1",
        title=query.query.upper(),
        input_message_content=InputTextMessageContent(message_text=query.query.upper()),
        reply_markup=counter(0),
    )
    await query.answer([found], cache_time=1)


@router.chosen_inline_result()
async def chosen(result: ChosenInlineResult, bot: Bot) -> None:
    await bot.send_message(result.from_user.id, f"You chose {result.query}")


@router.my_chat_member(ChatMemberUpdatedFilter(JOIN_TRANSITION))
async def joined(update: ChatMemberUpdated, bot: Bot) -> None:
    await bot.send_message(update.chat.id, f"Thanks, {update.from_user.first_name}!")


async def main() -> None:
    session = AiohttpSession(api=TelegramAPIServer.from_base(os.environ["API_URL"]))
    dispatcher = Dispatcher()
    dispatcher.include_router(router)
    async with Bot(os.environ["BOT_TOKEN"], session=session).context(auto_close=True) as bot:
        if len(sys.argv) == 1:
            await dispatcher.start_polling(bot)
            return
        app = web.Application()
        SimpleRequestHandler(dispatcher, bot, secret_token=SECRET).register(app, path="/hook")
        setup_application(app, dispatcher, bot=bot)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1])).start()
        await bot.set_webhook(
            f"http://127.0.0.1:{sys.argv[1]}/hook",
            secret_token=SECRET,
            allowed_updates=dispatcher.resolve_used_update_types(),
        )
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
