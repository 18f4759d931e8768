"""A plugin for the drills: it raises, leaks, or holds the event loop, as it is told."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from aiogram import Router
from aiogram.types import Message

from plugram import hookimpl

manifest = {
    "id": "brute",
    "version": "1.0",
    "summary": "Breaks things",
    "api": ">=1,<2",
    "permissions": ["read_messages"],
}

LEAKED: list[Any] = []


@hookimpl
def routers() -> Sequence[Router]:
    router = Router()

    @router.message(lambda message: (message.text or "").startswith("brute "))
    async def act(message: Message) -> None:
        what = (message.text or "").removeprefix("brute ")
        if what == "raise":
            raise ValueError("as told")
        if what == "leak":  # tasks that nobody waits for, memory that nobody frees
            LEAKED.append(bytearray(1_000_000))
            LEAKED.append(asyncio.create_task(asyncio.sleep(3600)))
        if what == "block":
            time.sleep(4)  # noqa: ASYNC251 - it holds the loop on purpose
            logging.getLogger("brute").warning("let go")

    return [router]
