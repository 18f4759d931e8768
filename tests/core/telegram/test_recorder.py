"""The flight recorder: what is kept of an update, what never is, and how little it may harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from core import log as logs
from core import trace as tracing
from core.cli import recordings
from core.db.database import Database
from core.db.tables import CORE_TABLES
from core.errors import DatabaseAway
from core.telegram import recorder
from core.telegram.intake import Incoming
from core.telegram.recorder import Recorder, Recording
from core.telegram.wire import Upload, Wire
from core.trace import Trace
from tests.core.mail import Notes, Office, office, until
from tests.core.work import opened
from tests.support.bot_api import TOKEN, error, message

BOT = int(TOKEN.partition(":")[0])


@dataclass(frozen=True)
class Settings:
    enabled: bool = True
    keep: float = 48.0
    megabytes: int = 64
    record_kb: int = 32


@pytest.fixture
async def mail(database_url: str) -> AsyncIterator[Office]:
    async with office(database_url) as one:
        yield one


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as one:
        yield one


def incoming(update_id: int = 1, text: str = "x", user: int = 5) -> Incoming:
    update = message(update_id, text, user=user)
    return Incoming(BOT, update_id, "message", update, 1, f"{update_id:016x}", 1)


def recorded(one: Recorder, update_id: int = 1, text: str = "hello", **params: Any) -> None:
    """An update about which one message was sent."""
    trace = one.begin()
    assert trace is not None
    call = trace.calling("sendMessage")
    call.params = orjson.dumps({"chat_id": 5, "text": text, **params})
    call.answered({"message_id": 7, "date": 1, "text": text, "chat": {"id": 5}}, 0.01)
    one.end(trace, incoming(update_id), recorder.DONE)


async def everything(db: Database) -> list[Recording]:
    return (await recorder.find(db, BOT, limit=10_000))[::-1]


# -- beside a running intake ----------------------------------------------------------------------


async def test_a_try_is_recorded_with_its_calls_and_refusals(mail: Office) -> None:
    mail.api.script("sendMessage", error(429, "Too Many Requests", retry_after=0.05))

    async def work(one: Incoming) -> None:
        wire: Wire = mail._wires[0]
        await wire.call("sendMessage", {"chat_id": 5, "text": "hi", "reply_markup": None})
        tracing.start(None)  # what comes now is on behalf of nothing
        await wire.call("sendMessage", {"chat_id": 6, "text": "unseen"})

    records = Recorder(Settings(), mail.db)
    await mail.open(Notes(work), records=records, handler_timeout=30)
    await mail.api.deliver(message(1, "x", user=5))
    await until(lambda: bool(records._ended or records._rows))
    await mail.close()
    (one,) = await everything(mail.db)
    assert (one.update_id, one.attempt, one.kind, one.outcome) == (1, 1, "message", "done")
    assert (one.chat_id, one.user_id) == (5, 5)
    assert len(one.trace_id) == 16
    refused, sent = one.record["calls"]
    assert refused["refusal"] == {
        "error_code": 429,
        "description": "Too Many Requests",
        "parameters": {"retry_after": 0.05},
    }
    assert sent["params"] == {"chat_id": 5, "text": "hi"}
    assert set(sent["answer"]) == {"message_id", "date"}
    assert sent["ms"] >= 0
    assert "error" not in one.record


async def test_each_try_of_a_poison_update_says_why_it_failed(mail: Office) -> None:
    async def work(one: Incoming) -> None:
        one.plugin = "poisonous"
        raise ValueError("always")

    notes = Notes(work)
    await mail.open(notes, records=Recorder(Settings(), mail.db))
    await mail.api.deliver(message(1, "x"))
    await until(lambda: bool(notes.told))
    await mail.close()
    tries = await everything(mail.db)
    assert [one.outcome for one in tries] == ["failed", "failed", "set aside"]
    assert [one.attempt for one in tries] == [1, 2, 3]
    assert {one.record["error"] for one in tries} == {"ValueError: always"}
    assert {one.record["plugin"] for one in tries} == {"poisonous"}
    assert "test_recorder.py" in tries[0].record["where"][-1]
    (aside,) = await mail.intakes[0].inbox.set_aside()
    assert aside["trace_id"] == tries[-1].trace_id


async def test_what_failed_after_its_effects_is_half_done(mail: Office) -> None:
    async def work(one: Incoming) -> None:
        await mail.db.execute("INSERT INTO effects VALUES ($1, 1)", one.update_id)
        raise ValueError("afterwards")

    notes = Notes(work)
    await mail.open(notes, records=Recorder(Settings(), mail.db))
    await mail.api.deliver(message(1, "x"))
    await until(lambda: bool(notes.told))
    await mail.close()
    assert [one.outcome for one in await everything(mail.db)] == ["half done"]


async def test_a_handler_cut_short_by_a_stop_is_recorded_as_such(mail: Office) -> None:
    begun = asyncio.Event()

    async def work(one: Incoming) -> None:
        begun.set()
        await asyncio.sleep(60)

    intake = await mail.open(Notes(work), records=Recorder(Settings(), mail.db), handler_timeout=50)
    await mail.api.deliver(message(1, "x"))
    await begun.wait()
    await intake.stop(0.05)
    assert [one.outcome for one in await everything(mail.db)] == ["cut short"]


async def test_a_database_that_refuses_recordings_costs_no_update(
    mail: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Recorder(Settings(), mail.db)
    tried = 0

    async def refuse(rows: object) -> None:
        nonlocal tried
        tried += 1
        raise DatabaseAway("no room")

    monkeypatch.setattr(recorder, "_GATHER", 0.01)
    monkeypatch.setattr(recorder, "_AWAY_PAUSE", 0.01)
    monkeypatch.setattr(recorder, "_BUFFER", 2000)
    monkeypatch.setattr(records, "_write", refuse)
    dropped = records._dropped._value.get()
    notes = Notes()
    await mail.open(notes, records=records)
    await mail.api.deliver(*(message(at, "x", user=at) for at in range(1, 101)))
    await until(lambda: len(notes.done) == 100 and tried > 2)
    assert records._waiting <= 2000
    assert records._dropped._value.get() - dropped >= 50
    assert records._troubled  # and it was said
    monkeypatch.undo()
    monkeypatch.setattr(recorder, "_GATHER", 0.01)

    async def kept() -> bool:
        return bool(await everything(mail.db))

    await until(kept)  # what waited is written once that works again
    await until(lambda: not records._troubled)


async def test_nothing_is_noted_when_it_is_switched_off(mail: Office) -> None:
    seen: list[Trace | None] = []

    async def work(one: Incoming) -> None:
        seen.append(tracing.current())

    notes = Notes(work)
    await mail.open(notes, records=Recorder(Settings(enabled=False), mail.db))
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.done == [1])
    await mail.close()
    assert seen == [None]
    assert await everything(mail.db) == []


# -- what is in a record --------------------------------------------------------------------------


async def test_uploads_are_kept_by_name_size_and_digest(mail: Office, tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_bytes(b"hello")

    async def stream() -> AsyncIterator[bytes]:
        yield b"hel"
        yield b"lo"

    big = b"x" * 100_000

    async def work(one: Incoming) -> None:
        wire = mail._wires[0]
        for source in (path, b"hello", stream, big):
            upload = Upload(source, "" if source is path else "sent.txt")
            await wire.call("sendDocument", {"chat_id": 5}, files={"document": upload})

    notes = Notes(work)
    await mail.open(notes, records=Recorder(Settings(), mail.db))
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.done == [1])
    await mail.close()
    (one,) = await everything(mail.db)
    files = [call["files"]["document"] for call in one.record["calls"]]
    assert [file["name"] for file in files] == ["report.txt", "sent.txt", "sent.txt", "sent.txt"]
    assert [file["size"] for file in files] == [5, 5, 5, 100_000]
    hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert {file["sha256"] for file in files[:3]} == {hello}
    assert [call.files["document"][1] for call in mail.api.of("sendDocument")][2] == b"hello"
    assert b"hello" not in orjson.dumps(one.record)


@pytest.mark.parametrize(
    "text",
    [
        f"the token is {TOKEN}",
        "my key is sk-abcdefghijklmnopqrstuvwxyz",
        'a registered "one", as JSON',
        "https://ann:hunter2hunter2@example.org/",
    ],
)
async def test_no_secret_is_kept(db: Database, text: str) -> None:
    logs.secret('registered "one"')
    one = Recorder(Settings(), db)
    recorded(one, text=text, secret_token="hush-hush-hush")
    await one.flush()
    kept = str(await db.fetchval("SELECT record FROM core_recordings"))
    call = orjson.loads(kept)["calls"][0]
    assert logs.MASK in call["params"]["text"]
    assert call["params"]["secret_token"] == logs.MASK
    for part in (TOKEN, "sk-abc", "registered", "hunter2", "hush"):
        assert part not in kept


async def test_a_large_record_is_shortened_and_then_cut(db: Database) -> None:
    one = Recorder(Settings(record_kb=4), db)
    recorded(one, 1, text="long " * 2000)
    trace = one.begin()
    assert trace is not None
    for number in range(200):
        trace.calling("sendMessage").params = orjson.dumps({"chat_id": 5, "text": f"{number}"})
    one.end(trace, incoming(2), recorder.DONE)
    await one.flush()
    long, many = await everything(db)
    text = long.record["calls"][0]["params"]["text"]
    assert text.startswith("long long")
    assert "(10000 characters, " in text
    assert long.record["cut"] == {}
    assert len(many.record["calls"]) + many.record["cut"]["calls"] == 200
    assert int(await db.fetchval("SELECT max(length(record)) FROM core_recordings")) <= 4096


async def test_what_a_task_does_that_outlives_its_handler_is_not_noted(db: Database) -> None:
    one = Recorder(Settings(), db)
    trace = one.begin()
    assert trace is tracing.current()
    one.end(trace, incoming(), recorder.DONE)
    assert tracing.current() is None


# -- how much is kept -----------------------------------------------------------------------------


async def test_old_recordings_go_and_what_was_set_aside_stays_longer(db: Database) -> None:
    one = Recorder(Settings(keep=48), db)
    for at in range(1, 4):
        recorded(one, at)
    await one.flush()
    await db.execute(
        "UPDATE core_recordings SET began_at = began_at - 3 * 86400 WHERE update_id < 3"
    )
    await db.execute("UPDATE core_recordings SET outcome = 'set aside' WHERE update_id = 2")
    assert await one.purge() == 1
    assert [row.update_id for row in await everything(db)] == [2, 3]
    await db.execute("UPDATE core_recordings SET began_at = began_at - 31 * 86400")
    assert await one.purge() == 2


async def test_the_oldest_make_room(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Recorder(Settings(megabytes=1, record_kb=64), db)
    for at in range(1, 61):
        recorded(one, at, text="".join(f"{at} {word} " for word in range(4000)))
    await one.flush()
    await one._trim()
    left = await everything(db)
    size = int(await db.fetchval("SELECT sum(size) FROM core_recordings"))
    assert 800_000 < size <= 1 << 20
    assert left[-1].update_id == 60
    assert [row.update_id for row in left] == list(range(left[0].update_id, 61))
    recorded(one, 99)
    await one.flush()
    await one._trim()  # there is room: nothing goes
    assert len(await everything(db)) == len(left) + 1


async def test_one_that_no_database_keeps_costs_no_other(db: Database) -> None:
    one = Recorder(Settings(), db)
    recorded(one, 1)
    for update_id, chat in ((2, {"id": 2**63}), (3, 5)):
        odd = incoming(update_id)
        odd.update["message"]["chat"] = chat
        one.end(one.begin(), odd, recorder.DONE)
    recorded(one, 4)
    await one.flush()
    assert [found.update_id for found in await everything(db)] == [1, 4]
    recorded(one, 5)
    await one.flush()
    assert len(await everything(db)) == 3


async def test_they_are_found_by_update_trace_chat_and_outcome(db: Database) -> None:
    one = Recorder(Settings(), db)
    for at in range(1, 6):
        trace = one.begin()
        assert trace is not None
        outcome = recorder.SET_ASIDE if at == 4 else recorder.DONE
        one.end(trace, incoming(at, user=at % 2 + 1), outcome)
    await one.flush()

    async def found(**wanted: Any) -> list[int]:
        return [row.update_id for row in await recorder.find(db, BOT, **wanted)]

    assert await found() == [5, 4, 3, 2, 1]
    assert await found(limit=2) == [5, 4]
    assert await found(updates=[1, 3]) == [3, 1]
    assert await found(traces=[f"{2:016x}"], updates=[5]) == [5, 2]
    assert await found(chat=2) == [5, 3, 1]
    assert await found(chat=1, outcomes=["set aside"]) == [4]
    assert await recorder.find(db, BOT + 1) == []


# -- of people -------------------------------------------------------------------------------------


async def test_they_go_with_the_person(db: Database) -> None:
    one = Recorder(Settings(), db)
    for at, user in ((1, 5), (2, 6)):
        trace = one.begin()
        one.end(trace, incoming(at, user=user), recorder.DONE)
    await one.flush()
    table = next(one for one in CORE_TABLES if one.name == "core_recordings")
    columns = [*table.people, *table.chats]
    where = " OR ".join(f"{column} = $1" for column in columns)
    assert await db.execute(f"DELETE FROM core_recordings WHERE {where}", 5) == 1
    assert [row.update_id for row in await everything(db)] == [2]


async def test_an_update_that_was_blanked_is_shown_as_forgotten(mail: Office) -> None:
    records = Recorder(Settings(), mail.db)
    notes = Notes()
    await mail.open(notes, records=records)
    await mail.api.deliver(message(1, "x", user=5))
    await until(lambda: notes.done == [1])
    await mail.close()
    await mail.db.execute("UPDATE core_inbox SET payload = '{}'")
    (flight,) = await recordings.flights(mail.db, BOT, [1], [])
    assert flight.update is None
    assert len(flight.tries) == 1
