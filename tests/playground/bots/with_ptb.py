"""A bot of python-telegram-bot: a conversation, buttons, a poll, inline mode."""

from __future__ import annotations

import os
from typing import Any

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    Update,
)
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ConversationHandler,
    InlineQueryHandler,
    MessageHandler,
    PollAnswerHandler,
    filters,
)

SIZE, PHOTO, PLACE = range(3)


async def order(update: Update, _: Any) -> int:
    assert update.message
    keyboard = ReplyKeyboardMarkup([["Small", "Large"]], one_time_keyboard=True)
    await update.message.reply_text("Which size?", reply_markup=keyboard)
    return SIZE


async def size(update: Update, context: Any) -> int:
    assert update.message
    context.user_data["size"] = update.message.text
    await update.message.reply_text("A photo of it, please", reply_markup=ReplyKeyboardRemove())
    return PHOTO


async def photo(update: Update, context: Any) -> int:
    assert update.message
    file = await update.message.photo[-1].get_file()
    content = await file.download_as_bytearray()
    context.user_data["bytes"] = len(content)
    await update.message.reply_text("Where to?")
    return PLACE


async def place(update: Update, context: Any) -> int:
    assert update.message
    assert update.message.location
    known = context.user_data
    await update.message.reply_text(
        f"{known['size']}, {known['bytes']} bytes, to {update.message.location.latitude:.1f}"
    )
    return ConversationHandler.END


async def cancel(update: Update, _: Any) -> int:
    assert update.message
    await update.message.reply_text("Never mind", reply_markup=ReplyKeyboardRemove())
    return ConversationHandler.END


async def menu(update: Update, _: Any) -> None:
    assert update.message
    buttons = [[InlineKeyboardButton(f"Option {n}", callback_data=str(n)) for n in (1, 2)]]
    await update.message.reply_text("Choose", reply_markup=InlineKeyboardMarkup(buttons))


async def chosen(update: Update, _: Any) -> None:
    query = update.callback_query
    assert query
    await query.answer()
    await query.edit_message_text(f"Option {query.data} it is")


async def poll(update: Update, _: Any) -> None:
    assert update.effective_chat
    await update.effective_chat.send_poll("Tea?", ["Yes", "No"], is_anonymous=False)


async def voted(update: Update, context: Any) -> None:
    answer = update.poll_answer
    assert answer
    assert answer.user
    text = f"{answer.user.first_name} voted {list(answer.option_ids)}"
    await context.bot.send_message(answer.user.id, text)


async def search(update: Update, _: Any) -> None:
    query = update.inline_query
    assert query
    said = InputTextMessageContent(f"<i>{query.query}</i>", parse_mode="HTML")
    await query.answer([InlineQueryResultArticle("i", "Italic", said)])


def main() -> None:
    url = os.environ["API_URL"]
    builder = Application.builder().token(os.environ["BOT_TOKEN"])
    app = builder.base_url(f"{url}/bot").base_file_url(f"{url}/file/bot").build()
    conversation = ConversationHandler(
        entry_points=[CommandHandler("order", order)],
        states={
            SIZE: [MessageHandler(filters.Regex("^(Small|Large)$"), size)],
            PHOTO: [MessageHandler(filters.PHOTO, photo)],
            PLACE: [MessageHandler(filters.LOCATION, place)],
        },
        fallbacks=[CommandHandler("cancel", cancel)],
    )
    app.add_handler(conversation)
    app.add_handler(CommandHandler("menu", menu))
    app.add_handler(CommandHandler("poll", poll))
    app.add_handler(CallbackQueryHandler(chosen))
    app.add_handler(PollAnswerHandler(voted))
    app.add_handler(InlineQueryHandler(search))
    app.run_polling(allowed_updates=Update.ALL_TYPES)


if __name__ == "__main__":
    main()
