"""The part of the control API that is for tests: updates by thousands, faults, limits, the log."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import endpoints, history, people, saying
from playground.acting import chat_of
from playground.botapi import BotApi
from playground.endpoints import answer, fields
from playground.errors import ControlError
from playground.model import Bot, Message, User
from playground.world import World


class Rig:
    """The endpoints that are no use to a person."""

    def __init__(self, world: World, api: BotApi) -> None:
        self._world = world
        self._api = api

    def routes(self) -> list[Route]:
        """For Starlette."""
        return endpoints.routes(
            [
                ("GET", "/control/updates", self.pending),
                ("POST", "/control/updates", self.inject),
                ("DELETE", "/control/updates", self.drop_pending),
                ("POST", "/control/bulk", self.bulk),
                ("GET", "/control/calls", self.calls),
                ("DELETE", "/control/calls", self.clear_calls),
                ("GET", "/control/users/{user}/messages/{message:int}/history", self.history),
                ("GET", "/control/bots/{name}/webhook", self.webhook),
                ("GET", "/control/faults", self.faults),
                ("POST", "/control/faults", self.add_fault),
                ("DELETE", "/control/faults", self.clear_faults),
                ("GET", "/control/limits", self.limits),
                ("PUT", "/control/limits", self.set_limits),
                ("GET", "/control/server", self.server),
                ("PUT", "/control/server", self.set_server),
            ]
        )

    async def pending(self, request: Request) -> Response:
        """How many updates wait for the bot, and the oldest of them."""
        queue = self._world.queues[self._bot(request).id]
        oldest = [orjson.loads(update.body) for update in queue.peek(100)]
        return answer({"count": len(queue), "oldest": oldest})

    async def inject(self, request: Request) -> Response:
        """Queue `update` or `updates` as they are, whatever they hold."""
        queue = self._world.queues[self._bot(request).id]
        wanted = await fields(request)
        given = wanted.get("updates", [wanted["update"]] if "update" in wanted else [])
        if not given or not all(isinstance(update, dict) for update in given):
            raise ControlError("give an object as update, or a list of them as updates")
        return answer({"update_ids": [queue.push_raw(update) for update in given]})

    async def drop_pending(self, request: Request) -> Response:
        """Forget what waits for the bot."""
        self._world.queues[self._bot(request).id].clear()
        return answer({"count": 0})

    async def bulk(self, request: Request) -> Response:
        """Many messages at once: `count` of them from `users` people, or a list `messages`."""
        bot, wanted = self._bot(request), await fields(request)
        started = time.perf_counter()
        numbers: list[int] = []
        named = request.query_params.get("chat")
        group = self._world.find_group(named) if named else None
        index = -1
        for index, (user, text) in enumerate(_bulk(self._world, wanted)):
            chat = group or self._world.chat_of(bot, user)
            content = saying.text(self._world, {"text": text})
            message = Message(id=0, date=0, sender=user.id, content=content)
            numbers += people.write(self._world, chat, message).values()
            if index % 500 == 499:
                await asyncio.sleep(0)  # let the bot fetch meanwhile
        return answer(
            {
                "count": index + 1,
                "first_update": numbers[0] if numbers else None,
                "last_update": numbers[-1] if numbers else None,
                "seconds": round(time.perf_counter() - started, 3),
            }
        )

    async def calls(self, request: Request) -> Response:
        """The log of Bot API calls above number `after`, of one `method` when it is given; or the
        `latest` so and so many."""
        query, log = request.query_params, self._api.calls
        if "latest" in query:
            found = log.latest(int(query["latest"]))
        else:
            found = log.since(
                int(query.get("after", 0)), query.get("method", ""), int(query.get("limit", 1000))
            )
        listed = [call.as_json() for call in found]
        return answer({"calls": listed, "counts": log.counts, "errors": log.errors})

    async def history(self, request: Request) -> Response:
        """The updates and calls that have to do with a message, and its versions."""
        chat, number = chat_of(self._world, request), request.path_params["message"]
        return answer(history.of_message(self._world, self._api.calls, chat, number))

    async def webhook(self, request: Request) -> Response:
        """What getWebhookInfo tells the bot, without a call in the log."""
        bot = self._world.find_bot(request.path_params["name"])
        waiting = len(self._world.queues[bot.id])
        info = self._api.services.webhooks.info(bot)
        return answer({"pending_update_count": waiting, **info})

    async def clear_calls(self, _: Request) -> Response:
        """Empty the log."""
        self._api.calls.clear()
        return answer({})

    async def faults(self, _: Request) -> Response:
        """The faults that are left."""
        return answer(self._api.faults.listed())

    async def add_fault(self, request: Request) -> Response:
        """Ask for a fault; its fields are those of `playground.faults.Fault`."""
        return answer(asdict(self._api.faults.add(await fields(request))))

    async def clear_faults(self, _: Request) -> Response:
        """Forget all faults."""
        self._api.faults.clear()
        return answer([])

    async def limits(self, _: Request) -> Response:
        """The limits on sending, and how often they were broken."""
        return answer(self._api.limits.state())

    async def set_limits(self, request: Request) -> Response:
        """Set `per_second`, `per_chat_per_second`, `retry_after`; `{}` lifts the limits."""
        return answer(self._api.limits.set(await fields(request)))

    async def server(self, _: Request) -> Response:
        """How the Bot API answers: `local`."""
        return answer({"local": self._world.files.local})

    async def set_server(self, request: Request) -> Response:
        """`local` makes it a Bot API server of one's own, or Telegram's."""
        self._world.files.local = bool((await fields(request)).get("local"))
        return await self.server(request)

    def _bot(self, request: Request) -> Bot:
        return self._world.find_bot(request.query_params.get("bot"))


def _bulk(world: World, wanted: dict[str, Any]) -> list[tuple[User, str]]:
    if "messages" in wanted:
        return [(world.find_user(str(m["user"])), str(m["text"])) for m in wanted["messages"]]
    crowd = [_member(world, number) for number in range(1, int(wanted.get("users", 1)) + 1)]
    text = str(wanted.get("text", "message {n}"))
    count = int(wanted.get("count", 1))
    return [(crowd[n % len(crowd)], text.replace("{n}", str(n + 1))) for n in range(count)]


def _member(world: World, number: int) -> User:
    try:
        return world.find_user(f"crowd{number}")
    except ControlError:
        return world.add_user(User(0, f"Crowd {number}", f"crowd{number}"))
