"""A playground in the test's own event loop, and a bot that calls it over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

import playground
from playground import Playground, Running, http, schema
from playground.client import Json, Person


@dataclass
class Api:
    """The Bot API as a bot sees it; every result is checked against the schema."""

    playground: Playground
    token: str

    async def answer(self, method: str, body: bytes, kind: str = "application/json") -> Json:
        """What comes back, whatever it is."""
        path = f"/bot{self.token}/{method}"
        status, content = await self.playground.request("POST", path, body, kind)
        answer: Json = orjson.loads(content)
        assert (status == 200) is answer["ok"], answer
        assert answer["ok"] or answer["error_code"] == status
        return answer

    async def call(self, method: str, /, **params: Any) -> Any:
        """The result of a call that goes well."""
        answer = await self.answer(method, orjson.dumps(params))
        assert answer["ok"], answer
        known = schema.load()
        notation = known.methods[method.lower()].returns
        return known.check_value(notation, answer["result"])

    async def error(self, method: str, /, **params: Any) -> str:
        """The description of a refusal."""
        answer = await self.answer(method, orjson.dumps(params))
        assert not answer["ok"], answer
        description: str = answer["description"]
        return description

    async def updates(self, offset: int = 0, **params: Any) -> list[Json]:
        """What waits."""
        found: list[Json] = await self.call("getUpdates", offset=offset, **params)
        return found


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    """A playground without a folder."""
    async with playground.serve() as server:
        yield server


@pytest.fixture
def client(running: Running) -> Playground:
    """The control API."""
    return Playground(running.url)


@pytest.fixture
def api(running: Running, client: Playground) -> Api:
    """The first bot."""
    return Api(client, running.token)


@pytest.fixture
async def ann(client: Playground) -> Person:
    """A person who has said hello to the bot, so that it may write to her."""
    person = client.user("ann")
    await person.send("hello")
    return person


ANN = 500_000_001
"""Ann's id, and so that of her chat."""


def multipart(fields: dict[str, str], name: str, mime: str, content: bytes) -> tuple[str, bytes]:
    """Content type and body of a form with one file."""
    kind, body = http.multipart(fields, [http.part("file", content, name, mime)])
    return kind, b"".join(part for part in body if isinstance(part, bytes))
