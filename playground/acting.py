"""What the endpoints for what people do have in common: where it is done, and the answer."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from playground.endpoints import answer
from playground.errors import ControlError
from playground.model import Bot, Chat, Group, Message
from playground.world import World


def chat_of(world: World, request: Request) -> Chat:
    """The group or channel `chat` of the query, else the private chat with the bot."""
    named = request.query_params.get("chat")
    if named:
        return world.find_group(named)
    bot = world.find_bot(request.query_params.get("bot"))
    return world.chat_of(bot, world.find_user(request.path_params["user"]))


def addressed(world: World, chat: Chat, message: Message, given: dict[str, Any]) -> None:
    """Put a message where `reply_to` and `thread` say; an answer is in the topic of what it
    answers."""
    message.thread = int(given.get("thread") or 0)
    if reply_to := int(given.get("reply_to") or 0):
        answered = world.message(chat, reply_to, "message to be replied")
        message.reply_to = answered.id
        message.thread = message.thread or answered.thread
    if message.thread and not (isinstance(chat, Group) and chat.is_forum):
        raise ControlError("only a forum has topics")


def sent(
    world: World, bot: Bot, chat: Chat, message: Message, numbers: dict[int, int], seq: int
) -> Response:
    """The message, and the id of the update that the bot gets: 0 when it isn't told."""
    shown = world.render(chat, message, watched=True)
    return answer({"message": shown, "update_id": numbers.get(bot.id, 0), "seq": seq})
