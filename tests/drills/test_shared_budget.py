"""Two processes that send for one bot, to a Telegram that enforces its limits: one budget in Redis,
bans that both obey, and Redis going away and coming back in the middle."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.core.mail import until
from tests.drills import harness
from tests.support.processes import ROOT, PlaygroundProcess
from tests.support.servers import Valkey

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(240)]

EACH, REPLIES = harness.form((300, 60), (45, 10))
RETRY_AFTER = 2


class Sender:
    """One of the processes."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log
        self.told: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.told.append(json.loads(line))

    def send(self, lane: str, chats: Iterable[int]) -> None:
        assert self.process.stdin is not None
        for chat in chats:
            self.process.stdin.write(json.dumps({"chat": chat, "lane": lane}).encode() + b"\n")

    async def done(self, number: int, seconds: float = 60) -> None:
        await until(lambda: len(self.told) >= number, seconds=harness.within(seconds))


@asynccontextmanager
async def senders(
    playground: PlaygroundProcess, redis: str, folder: Path
) -> AsyncIterator[list[Sender]]:
    found = []
    for number in range(2):
        log = folder / f"sender{number}.log"
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.drills.sender"),
                *(playground.url, playground.token, redis),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                cwd=ROOT,
            )
        found.append(Sender(process, log))
    try:
        yield found
    finally:
        for one in found:
            assert one.process.stdin is not None
            one.process.stdin.close()
            one.process.kill()
            await one.process.wait()


async def chats_of(playground: PlaygroundProcess, number: int) -> list[int]:
    found = []
    for at in range(number):
        person = await playground.client.add_user(f"Person {at}")
        found.append(int((await person.send("hi"))["chat"]["id"]))
    return found


async def test_two_processes_share_one_budget(
    playground: PlaygroundProcess, redis_url: str, valkey: Valkey, tmp_path: Path
) -> None:
    control = playground.client
    chats = await chats_of(playground, 2 * (EACH + REPLIES) + 1)
    await control.limits(per_second=30, per_chat_per_second=1, retry_after=RETRY_AFTER)
    history = harness.History(tmp_path)
    async with senders(playground, redis_url, tmp_path) as both:
        for at, one in enumerate(both):
            one.send("BULK", chats[at * EACH : (at + 1) * EACH])
        await asyncio.gather(*(one.done(3) for one in both))
        for at in range(REPLIES):
            for number, one in enumerate(both):
                one.send("REPLY", [chats[2 * EACH + 2 * at + number]])
            await asyncio.sleep(0.5)
        await asyncio.gather(*(one.done(EACH + REPLIES, EACH) for one in both))
        told = [line for one in both for line in one.told]
        bulk = sorted(line["went"] for line in told if line["lane"] == "BULK")
        waits = sorted(line["went"] - line["began"] for line in told if line["lane"] == "REPLY")
        limits = await control.call("GET", "/control/limits")
        history.note(
            "shared",
            refused=limits["refused"],
            during_ban=limits["during_ban"],
            bulk_per_second=round(len(bulk) / (bulk[-1] - bulk[0]), 1),
            slowest_reply=round(waits[-1], 2),
        )
        assert not [line for line in told if "error" in line]
        assert len(bulk) / (bulk[-1] - bulk[0]) <= 25, "not twice the pace of one"
        # Messages arrive less evenly than they leave; a 429 then slows everybody, and is enough.
        assert limits["refused"] <= 3
        assert waits[len(waits) // 2] < harness.within(1), "replies don't queue behind bulk"

        # Telegram bans a chat: the process that didn't hear it from Telegram obeys as well.
        await control.limits()
        await control.fault("429", "sendMessage", chat_id=chats[-1], retry_after=RETRY_AFTER)
        one, other = both

        async def refused() -> bool:
            calls = await control.calls("sendMessage")
            return any(call["status"] == 429 for call in calls[-3:])

        one.send("REPLY", chats[-1:])
        await until(refused, seconds=20)
        await asyncio.sleep(0.5)
        other.send("REPLY", chats[-1:])
        await asyncio.gather(*(each.done(EACH + REPLIES + 1) for each in both))
        banned, obeyed = (each.told[-1] for each in both)
        assert banned["went"] - banned["began"] >= RETRY_AFTER
        assert obeyed["went"] >= banned["began"] + RETRY_AFTER

        # Redis goes: each keeps to the limits alone, and says so once. It comes back.
        await asyncio.to_thread(valkey.stop)
        try:
            before = len(one.told)
            one.send("BULK", chats[:10])
            await one.done(before + 10)
        finally:
            valkey.start()  # in this thread: it ends with the thread that starts it
        assert one.log.read_text().count("limits hold for each process alone") == 1

        async def back() -> bool:
            one.send("BULK", chats[20:21])
            await asyncio.sleep(0.5)
            return "share the limits again" in one.log.read_text()

        await until(back, seconds=harness.within(20))
        assert b"1" in valkey.command(b"EXISTS plugram:outgoing:total")
