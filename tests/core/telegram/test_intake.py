"""Intake: committed before acknowledged, each chat in order, effects once, several processes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest

from core.db.database import Database
from core.errors import DatabaseAway
from core.telegram import inbox
from core.telegram.inbox import DONE, SET_ASIDE, WAITS
from core.telegram.intake import Incoming
from core.telegram.leases import Leases
from tests.conftest import SettingsFactory
from tests.core.mail import Notes, Office, kill, office, until
from tests.support.bot_api import error, message, press
from tests.support.servers import Postgres


@pytest.fixture
async def mail(database_url: str) -> AsyncIterator[Office]:
    async with office(database_url) as one:
        yield one


def number(incoming: Incoming) -> int:
    return int(incoming.update["message"]["text"])


async def test_every_update_reaches_the_handler_once(mail: Office) -> None:
    notes = Notes()
    await mail.open(notes)
    await mail.api.deliver(*(message(at, str(at), user=at % 17 + 1) for at in range(1, 301)))
    await until(lambda: len(notes.done) == 300)
    await until(lambda: mail.api.unacknowledged == [])
    assert sorted(notes.done) == list(range(1, 301))
    await mail.close()
    assert set((await mail.statuses()).values()) == {DONE}


async def test_is_committed_before_it_is_acknowledged(mail: Office) -> None:
    acknowledged_unknown: list[int] = []
    hold = asyncio.Event()

    async def work(incoming: Incoming) -> None:
        await hold.wait()

    notes = Notes(work)
    await mail.open(notes)
    for at in range(1, 6):
        await mail.api.deliver(message(at, "x", user=at))
        await until(lambda at=at: mail.api.acknowledged == at)
        acknowledged_unknown += {*range(1, at + 1)} - {*(await mail.statuses())}
    assert acknowledged_unknown == []
    assert notes.done == []
    hold.set()
    await until(lambda: len(notes.done) == 5)


async def test_a_chat_keeps_its_order_and_chats_run_side_by_side(mail: Office) -> None:
    running: set[int] = set()
    most = 0

    async def work(incoming: Incoming) -> None:
        nonlocal most
        chat = incoming.update["message"]["chat"]["id"]
        assert chat not in running
        running.add(chat)
        most = max(most, len(running))
        await asyncio.sleep(0.005 * (number(incoming) % 3))
        running.discard(chat)

    notes = Notes(work)
    await mail.open(notes)
    await mail.api.deliver(*(message(at, str(at), user=at % 10 + 1) for at in range(1, 201)))
    await until(lambda: len(notes.done) == 200)
    for chat in range(10):
        own = [at for at in notes.done if at % 10 == chat]
        assert own == sorted(own)
    assert most > 5


async def test_the_number_at_work_is_bounded(mail: Office) -> None:
    running = most = 0

    async def work(incoming: Incoming) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    notes = Notes(work)
    await mail.open(notes, concurrency=5)
    await mail.api.deliver(*(message(at, "x", user=at) for at in range(1, 61)))
    await until(lambda: len(notes.done) == 60)
    assert most == 5


async def test_a_second_delivery_is_recognised(mail: Office) -> None:
    notes = Notes()
    await mail.open(notes)
    await mail.api.deliver(message(1, "a"), message(2, "b"))
    await until(lambda: len(notes.done) == 2)
    await mail.api.deliver(message(1, "a"), message(2, "b"), message(3, "c"))
    await until(lambda: len(notes.done) == 3)
    assert notes.done == [1, 2, 3]


async def test_a_poison_update_is_set_aside_and_its_chat_goes_on(mail: Office) -> None:
    async def work(incoming: Incoming) -> None:
        if incoming.update["message"]["text"] == "poison":
            raise ValueError("always")

    notes = Notes(work)
    intake = await mail.open(notes)
    began = time.monotonic()
    await mail.api.deliver(message(1, "poison"), message(2, "fine"))
    await until(lambda: notes.done == [2])
    assert time.monotonic() - began < 2.5
    assert notes.begun == [1, 1, 1, 2]
    assert notes.told == [(1, "always")]
    (aside,) = await intake.inbox.set_aside()
    assert (aside["update_id"], aside["attempts"]) == (1, 3)
    assert aside["error"] == "ValueError: always"
    assert len(aside["trace_id"]) == 16
    assert (await intake.inbox.counts())["set aside"] == 1


async def test_what_was_set_aside_can_be_replayed(mail: Office) -> None:
    broken = True

    async def work(incoming: Incoming) -> None:
        if broken:
            raise ValueError("not yet")

    notes = Notes(work)
    intake = await mail.open(notes)
    await mail.api.deliver(message(1, "x"))
    await until(lambda: bool(notes.told))
    broken = False
    assert await intake.inbox.replay(1)
    await until(lambda: notes.done == [1])
    assert not await intake.inbox.replay(1)
    assert not await intake.inbox.replay(77)


async def test_a_handler_that_hangs_counts_as_failed(mail: Office) -> None:
    async def work(incoming: Incoming) -> None:
        if incoming.update_id == 1:
            await asyncio.sleep(60)

    notes = Notes(work)
    await mail.open(notes, handler_timeout=0.3, attempts=2)
    await mail.api.deliver(message(1, "hang"), message(2, "fine"))
    await until(lambda: notes.done == [2], seconds=6)
    assert notes.begun == [1, 1, 2]
    assert "within 0.3 s" in notes.told[0][1]


async def test_cancel_and_control_buttons_dont_wait(mail: Office) -> None:
    hold = asyncio.Event()

    async def work(incoming: Incoming) -> None:
        if incoming.update_id == 1:
            await hold.wait()

    notes = Notes(work)
    await mail.open(notes, concurrency=1)
    await mail.api.deliver(
        message(1, "slow"),
        message(2, "waits"),
        message(3, "/cancel"),
        message(4, "/cancelled"),
        message(5, "/cancel@test_bot now"),
        press(6, "!files:stop"),
        press(7, "files:next"),
    )
    await until(lambda: len(notes.done) == 3)
    assert sorted(notes.done) == [3, 5, 6]
    hold.set()
    await until(lambda: len(notes.done) == 7)
    assert [at for at in notes.done if at in (1, 2, 4, 7)] == [1, 2, 4, 7]


async def test_unknown_types_are_stored_and_done(mail: Office) -> None:
    notes = Notes()
    await mail.open(notes)
    await mail.api.deliver({"update_id": 1, "from_the_future": {"x": 1}}, {"update_id": 2})
    await until(lambda: len(notes.done) == 2)

    async def finished() -> bool:
        return set((await mail.statuses()).values()) == {DONE}

    await until(finished)


async def test_a_flood_from_one_chat_keeps_nobody_waiting(mail: Office) -> None:
    delays: list[float] = []
    sent: dict[int, float] = {}

    async def work(incoming: Incoming) -> None:
        if incoming.update_id in sent:
            delays.append(time.monotonic() - sent[incoming.update_id])
        await asyncio.sleep(0.001)

    notes = Notes(work)
    await mail.open(notes)
    await mail.api.deliver(*(message(at, "flood", user=1) for at in range(1, 1501)))
    for at in range(2001, 2021):
        sent[at] = time.monotonic()
        await mail.api.deliver(message(at, "x", user=at))
        await asyncio.sleep(0.05)
    await until(lambda: len(delays) == 20)
    assert sorted(delays)[18] <= 2.0
    await until(lambda: len(notes.done) == 1520, seconds=30)
    flood = [at for at in notes.done if at <= 1500]
    assert flood == sorted(flood)


# -- effects ------------------------------------------------------------------------------------


async def effects(db: Database) -> list[int]:
    rows = await db.fetch("SELECT number FROM effects ORDER BY number")
    return [row["number"] for row in rows]


def writing(db: Database, *, then: str = "") -> Notes:
    """A handler that writes the update's number, and may fail afterwards."""

    async def work(incoming: Incoming) -> None:
        async with db.transaction():
            await db.execute(
                "INSERT INTO effects VALUES ($1, $2)",
                incoming.update_id,
                incoming.update["message"]["chat"]["id"],
            )
        if then == "fail":
            raise ValueError("afterwards")
        if then == "hang":
            await asyncio.sleep(60)

    return Notes(work)


async def test_a_row_is_done_in_the_handlers_own_transaction(mail: Office) -> None:
    seen: dict[int, int] = {}

    async def work(incoming: Incoming) -> None:
        await mail.db.execute("INSERT INTO effects VALUES ($1, 1)", incoming.update_id)
        seen.update(await mail.statuses())

    notes = Notes(work)
    await mail.open(notes)
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.done == [1])
    assert seen[1] not in (WAITS, SET_ASIDE)


async def test_what_had_effects_isnt_tried_again(mail: Office) -> None:
    notes = writing(mail.db, then="fail")
    await mail.open(notes)
    await mail.api.deliver(message(1, "x"), message(2, "y"))
    await until(lambda: len(notes.told) == 2)
    assert notes.begun == [1, 2]
    assert await effects(mail.db) == [1, 2]
    assert set((await mail.statuses()).values()) == {DONE}


async def test_what_had_effects_before_the_database_went_away_isnt_repeated(
    mail: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, away = inbox.Inbox.fail, [DatabaseAway("restarting")] * 2

    async def fail(*args: Any, **more: Any) -> None:
        if away:
            raise away.pop()
        await plain(*args, **more)

    monkeypatch.setattr(inbox.Inbox, "fail", fail)

    async def work(incoming: Incoming) -> None:
        async with mail.db.transaction():
            await mail.db.execute("INSERT INTO effects VALUES ($1, 1)", incoming.update_id)
        raise DatabaseAway("restarting")

    notes = Notes(work)
    await mail.open(notes)
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.interruptions == [1], seconds=20)
    await asyncio.sleep(0.3)
    assert await effects(mail.db) == [1]
    assert notes.begun == [1]


async def test_a_transaction_that_fails_leaves_the_update_waiting(mail: Office) -> None:
    async def work(incoming: Incoming) -> None:
        async with mail.db.transaction():
            await mail.db.execute("INSERT INTO effects VALUES ($1, 1)", incoming.update_id)
            if len(notes.begun) < 3:
                raise ValueError("inside")

    notes = Notes(work)
    await mail.open(notes)
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.done == [1])
    assert notes.begun == [1, 1, 1]
    assert await effects(mail.db) == [1]


async def test_a_task_that_outlives_its_handler_writes_for_itself(mail: Office) -> None:
    tasks: list[asyncio.Task[None]] = []

    async def later() -> None:
        await asyncio.sleep(0.2)
        await mail.db.execute("INSERT INTO effects VALUES (99, 1)")

    async def work(incoming: Incoming) -> None:
        tasks.append(asyncio.create_task(later()))

    notes = Notes(work)
    await mail.open(notes)
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.done == [1])
    await tasks[0]
    assert await effects(mail.db) == [99]
    assert await mail.statuses() == {1: DONE}


async def test_after_a_crash_effects_happen_once_and_answers_are_missed_aloud(
    mail: Office,
) -> None:
    first = writing(mail.db, then="hang")
    intake = await mail.open(first)
    await mail.api.deliver(*(message(at, "x", user=at) for at in range(1, 6)))

    async def written() -> bool:
        return len(await effects(mail.db)) == 5

    await until(written)
    await kill(intake)
    second = writing(mail.db)
    await mail.open(second)
    await until(lambda: len(second.interruptions) == 5)
    assert second.begun == []
    assert await effects(mail.db) == [1, 2, 3, 4, 5]


async def test_after_a_crash_unfinished_updates_resume_in_order(mail: Office) -> None:
    async def hang(incoming: Incoming) -> None:
        await asyncio.sleep(60)

    first = Notes(hang)
    intake = await mail.open(first)
    await mail.api.deliver(*(message(at, str(at), user=at % 3 + 1) for at in range(1, 31)))
    await until(lambda: mail.api.acknowledged == 30)
    await kill(intake)
    second = Notes()
    began = time.monotonic()
    await mail.open(second)
    await until(lambda: len(second.done) == 30)
    assert time.monotonic() - began < 5
    for chat in range(3):
        own = [at for at in second.done if at % 3 == chat]
        assert own == sorted(own)


async def test_an_update_without_effects_doesnt_outlive_a_later_one_with(mail: Office) -> None:
    """The later one's transaction takes the earlier one along, so a crash can't reorder them."""

    async def work(incoming: Incoming) -> None:
        if incoming.update_id == 2:
            async with mail.db.transaction():
                await mail.db.execute("INSERT INTO effects VALUES (2, 1)")
            await asyncio.sleep(60)

    notes = Notes(work)
    intake = await mail.open(notes)
    intake._flush = _never  # type: ignore[method-assign]
    await mail.api.deliver(message(1, "reads"), message(2, "writes"))

    async def written() -> bool:
        return await effects(mail.db) == [2]

    await until(written)
    await kill(intake)
    second = Notes()
    await mail.open(second)
    await until(lambda: second.interruptions == [2])
    assert second.begun == []


async def _never() -> None:
    await asyncio.sleep(60)


async def test_who_lost_the_lease_has_no_effects(mail: Office) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def work(incoming: Incoming) -> None:
        async with mail.db.transaction():
            await mail.db.execute("INSERT INTO effects VALUES ($1, 1)", incoming.update_id)
            if mail.db.dialect == "sqlite":
                return
            entered.set()
            await leave.wait()

    async def asleep() -> None:
        """On SQLite a transaction keeps everybody out: lose the lease before it."""
        entered.set()
        await leave.wait()

    async def slow(incoming: Incoming) -> None:
        if mail.db.dialect == "sqlite":
            await asleep()
        await work(incoming)

    first = Notes(slow)
    intake = await mail.open(first, handler_timeout=30)
    await mail.api.deliver(message(1, "x"))
    await entered.wait()
    # A process that sleeps: its beats stop, its handler goes on when it wakes.
    for task in list(intake._tasks):
        task.cancel()
    second = writing(mail.db)
    await mail.open(second)
    await until(lambda: second.done == [1], seconds=6)
    leave.set()
    await until(lambda: not intake._running)
    assert await effects(mail.db) == [1]
    assert first.done == []


# -- several processes --------------------------------------------------------------------------


async def test_two_processes_share_the_work_and_one_polls(mail: Office) -> None:
    chats: dict[int, set[int]] = defaultdict(set)
    order: dict[int, list[int]] = defaultdict(list)

    def worker(name: int) -> Notes:
        async def work(incoming: Incoming) -> None:
            chat = incoming.update["message"]["chat"]["id"]
            chats[chat].add(name)
            order[chat].append(incoming.update_id)
            await asyncio.sleep(0.001)

        return Notes(work)

    one, two = worker(1), worker(2)
    first = await mail.open(one)
    second = await mail.open(two)
    await until(lambda: len(first.leases.held) == 32 and len(second.leases.held) == 32)
    assert [first.leases.leads, second.leases.leads] == [True, False]
    for start in range(1, 401, 50):
        batch = range(start, start + 50)
        await mail.api.deliver(*(message(at, "x", user=at % 40 + 1) for at in batch))
        await asyncio.sleep(0.05)
    await until(lambda: len(one.done) + len(two.done) == 400)
    assert sorted(one.done + two.done) == list(range(1, 401))
    assert len(one.done) > 50
    assert len(two.done) > 50
    assert all(own == sorted(own) for own in order.values())
    assert all(len(workers) == 1 for workers in chats.values())


async def test_partitions_that_change_hands_under_load_repeat_nothing(
    mail: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = inbox.Inbox.finish

    async def slow(*args: Any) -> None:
        await asyncio.sleep(0.05)  # a busy database
        await plain(*args)

    monkeypatch.setattr(inbox.Inbox, "finish", slow)

    async def work(_: Incoming) -> None:
        await asyncio.sleep(0.001)

    everyone = [Notes(work)]
    await mail.open(everyone[0])
    sent = 0
    for _ in range(3):
        everyone.append(Notes(work))
        other = await mail.open(everyone[-1])
        while len(other.leases.held) < 32:
            batch = range(sent + 1, sent + 41)
            await mail.api.deliver(*(message(at, "x", user=at % 80 + 1) for at in batch))
            sent += 40
            await asyncio.sleep(0.02)
        await other.stop()
    await until(lambda: sum(len(one.done) for one in everyone) >= sent)
    assert sorted(at for one in everyone for at in one.done) == list(range(1, sent + 1))


async def test_partitions_whose_release_failed_are_taken_up_again(
    mail: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, failures = Leases.release, [DatabaseAway("restarting")]

    async def release(self: Leases, slots: Collection[int]) -> None:
        if failures:
            for slot in slots:
                self.held.pop(slot, None)
            raise failures.pop()
        await plain(self, slots)

    monkeypatch.setattr(Leases, "release", release)
    one, two = Notes(), Notes()
    first = await mail.open(one)
    second = await mail.open(two)
    await until(lambda: len(first.leases.held) == 32 and len(second.leases.held) == 32)
    assert not failures
    await mail.api.deliver(*(message(at, "x", user=at) for at in range(1, 81)))
    await until(lambda: len(one.done) + len(two.done) == 80)


async def test_a_stand_by_takes_over_when_the_poller_dies(mail: Office) -> None:
    one, two = Notes(), Notes()
    first = await mail.open(one)
    second = await mail.open(two)
    assert not second.leases.leads
    await kill(first)
    began = time.monotonic()
    await mail.api.deliver(message(1, "x"), message(2, "y", user=9))
    await until(lambda: len(two.done) == 2)
    assert time.monotonic() - began < 5
    assert len(second.leases.held) == 64


async def test_a_graceful_stop_hands_over_at_once(mail: Office) -> None:
    one, two = Notes(), Notes()
    first = await mail.open(one, partition_lease=20.0)
    second = await mail.open(two, partition_lease=20.0)
    await first.stop()
    await mail.api.deliver(message(1, "x"))
    # On PostgreSQL the stand-by is told; on SQLite it looks every quarter of a lease.
    await until(lambda: two.done == [1], seconds=3 if mail.db.dialect == "postgres" else 8)
    assert second.leases.leads


async def test_who_may_not_poll_handles_what_others_receive(mail: Office) -> None:
    helper, poller = Notes(), Notes()
    first = await mail.open(helper, poll=False)
    assert not first.leases.leads
    second = await mail.open(poller)
    await until(lambda: len(second.leases.held) == 32)
    await mail.api.deliver(*(message(at, "x", user=at) for at in range(1, 41)))
    await until(lambda: len(helper.done) + len(poller.done) == 40)
    assert helper.done


# -- stopping -----------------------------------------------------------------------------------


async def test_a_graceful_stop_lets_handlers_end(mail: Office) -> None:
    async def work(incoming: Incoming) -> None:
        await asyncio.sleep(0.3)

    notes = Notes(work)
    intake = await mail.open(notes, concurrency=20)
    await mail.api.deliver(*(message(at, "x", user=at) for at in range(1, 41)))
    await until(lambda: len(notes.begun) == 20)
    await intake.stop(5)
    assert len(notes.done) == 20
    assert len(notes.begun) == 20, "nothing new is begun"
    statuses = await mail.statuses()
    assert sorted(at for at, status in statuses.items() if status == DONE) == sorted(notes.done)
    second = Notes()
    await mail.open(second)
    await until(lambda: len(second.done) == 20)
    assert sorted(notes.done + second.done) == list(range(1, 41))


async def test_at_the_deadline_the_rest_is_parked(mail: Office) -> None:
    async def work(incoming: Incoming) -> None:
        await asyncio.sleep(60)

    notes = Notes(work)
    intake = await mail.open(notes, handler_timeout=90)
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.begun == [1])
    began = time.monotonic()
    await intake.stop(0.3)
    assert time.monotonic() - began < 2
    second = Notes()
    await mail.open(second)
    await until(lambda: second.done == [1])
    assert second.told == []


# -- trouble ------------------------------------------------------------------------------------


async def test_who_cant_reach_telegram_lets_another_lead(
    mail: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.telegram.intake._CUT_OFF", 0.3)
    monkeypatch.setattr("core.telegram.intake._AFTERWARDS", 30.0)
    notes = Notes()
    cut_off = await mail.open(notes, url="http://127.0.0.1:9")
    await until(lambda: bool(cut_off.receiver.trouble))
    assert cut_off.leases.leads, "alone it goes on trying"
    other = await mail.open(notes)
    await until(lambda: other.leases.leads, seconds=20)
    health = await cut_off.health().check()
    assert not health.ok
    assert "couldn't reach Telegram" in health.detail
    assert (await other.health().check()).ok
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.done == [1])


async def test_nobody_is_ready_while_nobody_receives(mail: Office) -> None:
    alone = await mail.open(Notes(), poll=False)
    health = await alone.health().check()
    assert (health.ok, "no process polls" in health.detail) == (False, True)
    await mail.open(Notes())

    async def ready() -> bool:
        return (await alone.health().check()).ok

    await until(ready)


async def test_updates_of_a_newer_version_are_left_alone(mail: Office) -> None:
    """Also what comes behind them in their chat; other partitions go on."""
    notes = Notes()
    await mail.open(notes)
    await mail.api.deliver(message(1, "x", user=1), message(2, "x", user=2))
    await until(lambda: sorted(notes.done) == [1, 2])
    await mail.db.execute(
        "INSERT INTO core_inbox (bot_id, update_id, partition, lane, payload, version, received_at)"
        " SELECT bot_id, 3, partition, lane, '[\"a form to come\"]', 99, received_at"
        " FROM core_inbox WHERE update_id = 1"
    )
    await mail.api.deliver(message(4, "x", user=1), message(5, "x", user=2))
    await until(lambda: 5 in notes.done)
    await asyncio.sleep(1.5)
    assert sorted(notes.done) == [1, 2, 5]
    statuses = await mail.statuses()
    assert (statuses[3], statuses[4]) == (0, 0)
    await mail.db.execute("DELETE FROM core_inbox WHERE update_id = 3")
    await until(lambda: 4 in notes.done)


async def test_updates_of_an_older_version_are_brought_up_to_date(
    mail: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = Notes()
    intake = await mail.open(notes, start=False)
    await intake.inbox.add([message(1, "x")])
    await mail.db.execute("UPDATE core_inbox SET version = 0")
    monkeypatch.setitem(inbox.UPGRADES, 0, lambda update: {**update, "since": "version 1"})
    seen: list[dict[str, Any]] = []

    async def work(incoming: Incoming) -> None:
        seen.append(incoming.update)

    notes.work = work
    await intake.start()
    await until(lambda: notes.done == [1])
    assert seen[0]["since"] == "version 1"


async def test_a_conflict_is_warned_of_and_waited_out(
    mail: Office, caplog: pytest.LogCaptureFixture
) -> None:
    mail.api.conflict = True
    notes = Notes()
    intake = await mail.open(notes)
    await until(lambda: "Conflict" in intake.receiver.trouble)
    await asyncio.sleep(1.0)
    assert mail.api.polls <= 4, "it backs off"
    health = await intake.health().check()
    assert not health.ok
    assert "Conflict" in health.detail
    mail.api.conflict = False
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.done == [1], seconds=20)
    assert "another program polls with this token" in caplog.text


async def test_a_forgotten_webhook_is_removed(mail: Office) -> None:
    mail.api.script(
        "getUpdates",
        error(409, "Conflict: can't use getUpdates method while webhook is active"),
    )
    notes = Notes()
    await mail.open(notes)
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.done == [1])
    assert len(mail.api.of("deleteWebhook")) == 1
    assert mail.api.of("deleteWebhook")[0].params == {"drop_pending_updates": False}


async def test_an_update_that_kills_processes_is_found_and_set_aside(mail: Office) -> None:
    """Each time a process dies over it; the innocent beside it lose nothing."""

    async def work(incoming: Incoming) -> None:
        if incoming.update_id == 13:
            await asyncio.sleep(60)

    await mail.db.execute("UPDATE core_intake_leases SET crashes = 0")
    deaths = 0
    notes = Notes(work)
    intake = await mail.open(notes, handler_timeout=90)
    await mail.api.deliver(*(message(at, "x", user=at) for at in range(10, 20)))
    while deaths < 8:
        try:
            await until(lambda: 13 in notes.begun, seconds=4)
        except AssertionError:
            break
        await kill(intake)
        deaths += 1
        notes.begun.clear()
        intake = await mail.open(notes, handler_timeout=90)
    assert deaths <= 6
    await until(lambda: {*range(10, 20)} - {13} <= {*notes.done})
    (aside,) = await intake.inbox.set_aside()
    assert aside["update_id"] == 13
    assert "process died" in aside["error"]


async def test_a_suspect_isnt_blamed_for_a_database_that_goes_away(mail: Office) -> None:
    async def work(incoming: Incoming) -> None:
        if len(notes.begun) < 6:
            raise DatabaseAway("restarting")

    notes = Notes(work)
    intake = await mail.open(notes, attempts=3)
    intake._careful = dict.fromkeys(range(inbox.PARTITIONS), 1 << 40)
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.done == [1], seconds=60)
    assert set((await mail.statuses()).values()) == {DONE}


async def test_old_rows_are_forgotten_and_young_ones_kept(mail: Office) -> None:
    notes = Notes()
    intake = await mail.open(notes)
    await mail.api.deliver(*(message(at, "x", user=at) for at in range(1, 6)))
    await until(lambda: len(notes.done) == 5)
    await intake.stop()
    await mail.db.execute("UPDATE core_inbox SET received_at = received_at - 200000 WHERE seq < 4")
    await mail.db.execute("UPDATE core_inbox SET status = 2 WHERE seq = 1")
    assert await intake.inbox.purge(48 * 3600) == 2
    assert sorted(await mail.statuses()) == [1, 4, 5]


async def test_while_the_database_is_away_nothing_is_acknowledged(
    settings_factory: SettingsFactory,
) -> None:
    server = Postgres()
    server.start()
    url = server.create()
    try:
        async with office(url) as mail:
            notes = writing(mail.db)
            await mail.open(notes)
            await mail.api.deliver(message(1, "x"))
            await until(lambda: notes.done == [1])
            server.stop()
            await mail.api.deliver(*(message(at, "x", user=at) for at in range(2, 30)))

            async def sick() -> bool:
                return not (await mail.intakes[0].health().check()).ok

            await until(sick)
            await asyncio.sleep(1)
            assert mail.api.acknowledged <= 1
            server.start()
            await until(lambda: len(notes.done) == 29, seconds=30)
            await until(lambda: mail.api.unacknowledged == [])
            assert await effects(mail.db) == list(range(1, 30))
    finally:
        server.remove()


async def test_a_handler_that_finds_the_database_away_is_tried_again_later(mail: Office) -> None:
    async def work(incoming: Incoming) -> None:
        if len(notes.begun) < 4:
            raise DatabaseAway("the pool is busy")

    notes = Notes(work)
    await mail.open(notes)
    await mail.api.deliver(message(1, "x"))
    await until(lambda: notes.done == [1], seconds=20)
    assert notes.told == []


_GROWTH = """
import asyncio, resource, sys
from tests.core.mail import Notes, Settings, until
from tests.support.bot_api import TOKEN, BotApi, message
from tests.core.telegram.test_wire import Http, Outgoing
from core.db import migrate
from core.telegram.intake import Intake
from core.telegram.outgoing import Limiter
from core.telegram.wire import Wire
from core.db.database import build
from core.config import load
import pathlib, tempfile, gc

def memory():
    gc.collect()
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024

async def main(url, many):
    folder = pathlib.Path(tempfile.mkdtemp())
    db = build(load(env={"DATABASE_URL": url, "PLUGRAM_DATA_DIR": str(folder)}, root=folder))
    await db.connect()
    await migrate.apply(db)
    hold = asyncio.Event()
    last = {}
    bad = 0
    async def work(incoming):
        nonlocal bad
        await hold.wait()
        chat = incoming.update["message"]["chat"]["id"]
        bad += incoming.update_id < last.get(chat, 0)
        last[chat] = incoming.update_id
    notes = Notes(work)
    class Api:
        bot_id = 5
    settings = Settings(partition_lease=30.0, handler_timeout=600)
    intake = Intake(settings, db, Api(), notes, poll=False)
    await intake.start()
    async def store(start):
        numbers = range(start + 1, start + 101)
        await intake._store([message(n, "x" * 100, user=n % 500 + 1) for n in numbers])
    await store(0)
    before = memory()
    for start in range(100, many, 100):
        await store(start)
    grown = memory() - before
    hold.set()
    await until(lambda: len(notes.done) == many, seconds=110)
    assert sorted(notes.done) == list(range(1, many + 1))
    await intake.stop()
    await db.close()
    print(grown, bad)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_20000_waiting_updates_cost_little_memory(database_url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _GROWTH, database_url, "20000", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    grown, out_of_order = out.split()
    assert float(grown) < 60
    assert int(out_of_order) == 0
