"""Albums: sendMediaGroup."""

from __future__ import annotations

from typing import Any, cast

from playground import roles
from playground.errors import bad_request
from playground.methods.base import Call, Handler, new_message, not_played, post
from playground.methods.send import media_content
from playground.model import FileKind, Group

MOST_ITEMS = 10


def check_kinds(kinds: list[str]) -> None:
    """Raises ApiError for kinds that make no album together."""
    if not kinds:
        raise bad_request("there are no messages to send")
    if len(kinds) > MOST_ITEMS:
        raise bad_request("too many messages to send as an album")
    for alone in ("document", "audio"):
        if alone in kinds and set(kinds) != {alone}:
            raise bad_request(f"{alone.title()} can't be mixed with other media types")


async def send_media_group(call: Call) -> list[dict[str, Any]]:
    """sendMediaGroup: photos and videos, or documents, or audio; one alone is no album."""
    chat = call.writable_chat()
    media: list[dict[str, Any]] = call.params["media"]
    kinds = [item["type"] for item in media]
    if "live_photo" in kinds:
        raise not_played("live photos")
    check_kinds(kinds)
    if isinstance(chat, Group):
        roles.check_send(chat, call.bot.id, kinds)
    album = call.world.new_id()
    messages = []
    for item in media:
        message = new_message(call, chat, {})
        message.content = await media_content(call, item, cast("FileKind", item["type"]))
        if len(media) > 1:
            message.extra["media_group_id"] = album
        messages.append(message)
    return [post(call, chat, message) for message in messages]


METHODS: dict[str, Handler] = {"sendMediaGroup": send_media_group}
