"""The part of the control API for what people do besides writing and clicking."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import endpoints, forms, groups, keyboards, people, polls, roles, saying
from playground.acting import addressed, chat_of, sent
from playground.endpoints import MAX_BODY, answer, fields, required
from playground.errors import ControlError
from playground.inline import Inline
from playground.model import Bot, Chat, Group, Message, User
from playground.repeating import copied, forwarded
from playground.world import World

_LONGEST_WAIT = 60.0


class Actions:
    """Albums, forwards, reply keyboards, votes, reactions, pins and inline mode."""

    def __init__(self, world: World, inline: Inline) -> None:
        self._world = world
        self._inline = inline

    def routes(self) -> list[Route]:
        """For Starlette."""
        user = "/control/users/{user}"
        return endpoints.routes(
            [
                ("POST", f"{user}/albums", self.album),
                ("POST", f"{user}/forwards", self.forward),
                ("POST", f"{user}/press", self.press),
                ("POST", f"{user}/votes", self.vote),
                ("POST", f"{user}/reactions", self.react),
                ("POST", f"{user}/pins", self.pin),
                ("POST", f"{user}/inline", self.ask),
                ("POST", f"{user}/choices", self.choose),
            ]
        )

    async def album(self, request: Request) -> Response:
        """Several files as one album: the messages, one update for each."""
        user, chat = self._who(request)
        form = await forms.read(request, MAX_BODY)
        try:
            contents = await saying.album(self._world, form)
        finally:
            form.close()
        album, seq = {"media_group_id": self._world.new_id()}, self._world.events.last
        shown, updates = [], []
        for content in contents:
            message = Message(0, 0, user.id, content, extra=dict(album))
            addressed(self._world, chat, message, form.fields)
            numbers = people.write(self._world, chat, message)
            shown.append(self._world.render(chat, message, watched=True))
            updates.append(numbers.get(self._bot(request).id, 0))
        return answer({"messages": shown, "update_ids": updates, "seq": seq})

    async def forward(self, request: Request) -> Response:
        """Forward `message_id` of `from_chat`, which is the same chat unless it is given."""
        user, chat = self._who(request)
        wanted = await fields(request)
        source = chat
        if wanted.get("from_chat"):
            source = self._world.find_group(str(wanted["from_chat"]))
        elif wanted.get("private"):
            source = self._world.chat_of(self._bot(request), user)
        origin = self._world.message(source, int(required(wanted, "message_id")))
        if origin.extra.get("has_protected_content"):
            raise ControlError("this message is protected", 403)
        extra = forwarded(self._world, source, origin)
        message = Message(0, 0, user.id, copied(origin), extra=extra)
        addressed(self._world, chat, message, wanted)
        return self._written(request, chat, message)

    async def press(self, request: Request) -> Response:
        """Press the button `text` of the reply keyboard that is shown."""
        user, chat = self._who(request)
        wanted = await fields(request)
        content = keyboards.pressed(self._world, chat, user, wanted)
        return self._written(request, chat, Message(0, 0, user.id, content))

    async def vote(self, request: Request) -> Response:
        """Vote for `options` of the poll in `message_id`, by their numbers or texts; for none to
        take the vote back."""
        user, chat = self._who(request)
        wanted = await fields(request)
        message = self._message(chat, wanted)
        seq = self._world.events.last
        chosen = [_option(message, option) for option in wanted.get("options", [])]
        polls.vote(self._world, chat, user, message, chosen)
        return sent(self._world, self._bot(request), chat, message, {}, seq)

    async def react(self, request: Request) -> Response:
        """React to `message_id` with `emoji`, one or a list; with none to take it back."""
        user, chat = self._who(request)
        wanted = await fields(request)
        given = wanted.get("emoji") or []
        emoji = [given] if isinstance(given, str) else given
        message, seq = self._message(chat, wanted), self._world.events.last
        reactions = [{"type": "emoji", "emoji": str(one)} for one in emoji]
        people.react(self._world, chat, user, message, reactions)
        return sent(self._world, self._bot(request), chat, message, {}, seq)

    async def pin(self, request: Request) -> Response:
        """Pin `message_id`, or with `{"pinned": false}` unpin it."""
        user, chat = self._who(request)
        wanted = await fields(request)
        message = self._message(chat, wanted)
        people.require_presence(chat, user)
        right = "can_edit_messages" if chat.type == "channel" else "can_pin_messages"
        if isinstance(chat, Group) and not roles.may(chat, user.id, right):
            raise ControlError("not enough rights to pin messages", 403)
        if wanted.get("pinned", True):
            groups.pin(self._world, chat, message, user.id)
        elif message.id in chat.pinned:
            chat.pinned.remove(message.id)
            groups.tell_pinned(self._world, chat)
        return answer({"pinned": chat.pinned})

    # Inline mode

    async def ask(self, request: Request) -> Response:
        """Type `@bot query`, with `via` to another bot than that of the chat: the results, from
        `offset` on, waited for `wait` seconds at most."""
        user, chat = self._who(request)
        wanted = await fields(request)
        bot, text = self._bot(request), str(wanted.get("query", ""))
        if wanted.get("via"):
            bot = self._world.find_bot(str(wanted["via"]))
        query = self._inline.ask(bot, user, text, str(wanted.get("offset", "")), chat)
        given: dict[str, Any] | None = None
        with contextlib.suppress(TimeoutError):
            wait = min(float(wanted.get("wait", 10)), _LONGEST_WAIT)
            given = await asyncio.wait_for(asyncio.shield(query.answer), wait)
        return answer({"query_id": query.id, "answer": given})

    async def choose(self, request: Request) -> Response:
        """Send the result `result_id` of the query `query_id`."""
        user, chat = self._who(request)
        wanted = await fields(request)
        seq = self._world.events.last
        message, numbers = await self._inline.choose(
            str(required(wanted, "query_id")),
            str(required(wanted, "result_id")),
            chat,
            user,
            thread=int(wanted.get("thread") or 0),
        )
        return sent(self._world, self._bot(request), chat, message, numbers, seq)

    # Finding things

    def _bot(self, request: Request) -> Bot:
        return self._world.find_bot(request.query_params.get("bot"))

    def _who(self, request: Request) -> tuple[User, Chat]:
        user = self._world.find_user(request.path_params["user"])
        return user, chat_of(self._world, request)

    def _message(self, chat: Chat, wanted: dict[str, Any]) -> Message:
        return self._world.message(chat, int(required(wanted, "message_id")))

    def _written(self, request: Request, chat: Chat, message: Message) -> Response:
        seq = self._world.events.last
        numbers = people.write(self._world, chat, message)
        return sent(self._world, self._bot(request), chat, message, numbers, seq)


def _option(message: Message, wanted: Any) -> int:
    """The number of a poll's option, which may be given by its text."""
    if isinstance(wanted, int):
        return wanted
    options = [option["text"] for option in message.content.get("poll", {}).get("options", [])]
    if wanted in options:
        return options.index(wanted)
    raise ControlError(f"there is no option {wanted!r}; there are: {', '.join(options)}", 404)
