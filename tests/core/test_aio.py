"""The deferred import of aiogram: cheap, and aiogram all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

_EVERYTHING = """
import json, sys
from core import aio
assert aio.load(), "not deferred"
assert "aiohttp" not in sys.modules
from pydantic import BaseModel
import aiogram
from aiogram import methods, types
from aiogram.methods import Response

problems, built = [], 0
for package in (types, methods):
    for name in package.__all__:
        cls = getattr(package, name)
        if not (isinstance(cls, type) and issubclass(cls, BaseModel)) or name == "TelegramMethod":
            continue
        try:
            cls.model_rebuild()
            cls.__pydantic_validator__.title
            assert cls.__pydantic_complete__
            if package is methods and name not in ("Request", "Response"):
                Response[cls.__returning__].model_rebuild()
            built += 1
        except Exception as error:
            problems.append(f"{name}: {error!r}")
print(json.dumps({"problems": problems, "built": built}))
"""

_READ = """
import json, sys
if sys.argv[1] == "deferred":
    from core import aio
    assert aio.load()
from aiogram import Bot, types, methods
update = types.Update.model_validate(json.loads(sys.argv[2]), context={"bot": Bot("42:abc")})
assert update.message.bot is not None and update.message.chat.bot is update.message.bot
answer = update.message.answer("x", reply_markup=types.InlineKeyboardMarkup(
    inline_keyboard=[[types.InlineKeyboardButton(text="a", callback_data="b")]]))
assert answer.bot is update.bot
edited = update.message.model_copy(update={"text": "y"})
print(update.model_dump_json(), repr(answer), edited.text,
    methods.SendMessage(chat_id=1, text="t").bot)
"""

_FALLBACK = """
import sys, pydantic
from core import aio
aio._prove = lambda: 1 / 0
assert not aio.load()
import aiogram
from aiogram import Bot
from aiogram.types import Message
assert Message.__pydantic_complete__
assert type(Bot("42:abc").session).__name__ == "AiohttpSession"
print("plain")
"""

_ANYBODY = """
import sys
from core import aio
aio.install()
aio.install()
assert "aiogram" not in sys.modules
from aiogram.types import Message  # a plugin, say
assert aio.is_deferred() and not Message.model_config.get("nothing")
class Mine(Message):
    extra_field: int = 0
raw = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "extra_field": 5}
assert Mine.model_validate(raw).extra_field == 5
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.base import BaseSession
assert issubclass(AiohttpSession, BaseSession)
from pydantic import BaseModel
class Plain(BaseModel):
    a: int
assert Plain.__pydantic_complete__, "deferring outlived the import"
print("fine")
"""

_COST = """
import resource, time
from core import aio
import pydantic
before = time.process_time()
aio.load()
spent = time.process_time() - before
import aiogram
print(spent, int(open("/proc/self/statm").read().split()[1]) * 4 // 1024)
"""

UPDATE = {
    "update_id": 5,
    "message": {
        "message_id": 1,
        "date": 1700000000,
        "chat": {"id": 1, "type": "private", "first_name": "A"},
        "from": {"id": 1, "is_bot": False, "first_name": "A", "language_code": "en"},
        "text": "hello",
        "entities": [{"type": "bold", "offset": 0, "length": 5}],
        "reply_to_message": {
            "message_id": 0,
            "date": 1700000000,
            "chat": {"id": 1, "type": "private"},
            "photo": [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 2}],
        },
        "something_new": {"of": "tomorrow"},
    },
}


def run(code: str, *args: str) -> str:
    """In a process of its own: this one may have imported aiogram already."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_type_and_method_still_builds() -> None:
    found: dict[str, Any] = json.loads(run(_EVERYTHING))
    assert found["problems"] == []
    assert found["built"] > 400


def test_reads_and_writes_as_the_plain_one() -> None:
    update = json.dumps(UPDATE)
    assert run(_READ, "deferred", update) == run(_READ, "plain", update)


def test_an_aiogram_that_changed_is_imported_plainly() -> None:
    assert run(_FALLBACK).endswith("plain")


def test_whoever_imports_it_first_gets_it_deferred() -> None:
    assert run(_ANYBODY) == "fine"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_costs_a_fraction() -> None:
    seconds, megabytes = run(_COST).split()
    assert float(seconds) < 3.0, "CPU of the import"
    assert int(megabytes) < 90, "memory after the import"
