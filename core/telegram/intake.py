"""Intake: updates from Telegram to their handlers, none lost, each chat's in order.

    poller ─► inbox (database) ─► lanes (memory) ─► handler, one update a lane at a time

An update is committed before it is acknowledged. Its row is done in the transaction of the
handler's first writes, or, if the handler wrote nothing, soon after it returned. Whoever dies
leaves rows that aren't done; who takes over the partition works on them again. So effects happen
once and sends at least once: of an update whose effects were committed and whose answer may have
been lost with the process, the chat is told so.

Several processes share the work by leases (`core.telegram.leases`): one polls, all handle.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from core.errors import DatabaseAway, DatabaseError, DatabaseReadOnly, DiskFull, storable
from core.host.plugin import Health, HealthCheck
from core.log import get_logger, new_trace
from core.metrics import counter, gauge, histogram
from core.retry import Backoff
from core.telegram import recorder
from core.telegram.inbox import (
    ANSWERING,
    DONE,
    SET_ASIDE,
    Inbox,
    LeaseLost,
    Stored,
    bypasses,
    kind_of,
    lane_of,
)
from core.telegram.lanes import Lane, Lanes
from core.telegram.leases import POLLER, SUSPICIOUS, Leases, Taken
from core.telegram.poller import Poller

if TYPE_CHECKING:
    from core.db.database import Database
    from core.telegram.inbox import Fence
    from core.telegram.poller import Store
    from core.telegram.recorder import Recorder
    from core.telegram.webhook import Webhook
    from core.telegram.wire import Wire

log = get_logger("intake")

_RETRY_PAUSE = Backoff(base=0.1, factor=4.0, longest=2.0)
"""Between the tries of an update. Short: the chat's next updates wait behind it."""
_AWAY_PAUSE = Backoff(base=0.5, longest=15.0)
_AWAY_TRIES = 20
"""Times that a handler may find the database away until that counts as its own failure."""
_GATHER = 0.02
"""Seconds over which finished updates are gathered into one statement."""
_TOGETHER = 0.005
"""Seconds over which news of several processes is gathered before it is read."""
_NO_END = 2**62
_LOAD_LANES, _LOAD_EACH, _LOADED_ENOUGH = 64, 16, 512
_SWEEP = 0.25
_PAGE = 5000
_PURGE_EVERY = 3600.0
_CUT_OFF = 15.0
"""Seconds without Telegram after which the process that leads lets another one try."""
_AFTERWARDS = 60.0
"""Seconds during which it doesn't lead again."""
_CHANNEL, _LEASES = "plugram_inbox", "leases"
"""The word on the channel is this one, or the name of who added something."""

_UNUSABLE = (DatabaseAway, DatabaseReadOnly, DiskFull)
"""The database can't be written: nothing that a handler could do about it."""


class IntakeSettings(Protocol):
    """The `[intake]` section."""

    @property
    def poll_timeout(self) -> int: ...
    @property
    def concurrency(self) -> int: ...
    @property
    def handler_timeout(self) -> float: ...
    @property
    def attempts(self) -> int: ...
    @property
    def keep(self) -> float: ...
    @property
    def partition_lease(self) -> float: ...


@dataclass(slots=True)
class Incoming:
    """An update on its way to a handler."""

    bot_id: int
    update_id: int
    kind: str
    """`message`, `callback_query`, …; "" if Telegram sent nothing that we know."""
    update: dict[str, Any]
    """As Telegram sent it."""
    attempt: int
    """From 1."""
    trace: str
    lease: int
    """Token of the lease under which its chat is worked on here."""
    plugin: str = ""
    """The plugin that failed, if one did."""


class Handler(Protocol):
    """Who works on updates: the dispatcher."""

    async def feed(self, incoming: Incoming) -> None:
        """Work on an update. An exception is a failed try."""

    async def gave_up(self, incoming: Incoming, error: BaseException) -> None:
        """The last try failed, or one whose effects can't be undone: tell the person."""

    async def interrupted(self, incoming: Incoming) -> None:
        """The process died after the update's effects were committed, and before its handler
        returned: its answer may be missing."""


class Receiver(Protocol):
    """How updates come from Telegram: they are asked for, or brought."""

    does: str
    """In words: what the process that leads does."""
    everywhere: bool
    """Whether updates come to every process, not to the one that leads alone."""
    answered_at: float
    """When Telegram last answered, by the monotonic clock."""
    trouble: str
    """Why nothing is received, in words; empty while all is well."""
    cut_off_since: float
    """Since when Telegram can't be reached from here, by the monotonic clock; 0 if it can."""

    def open(self, store: Store, allowed_updates: Sequence[str]) -> None:
        """Receive from now on, into `store`."""

    def close(self) -> None:
        """Receive nothing any more."""

    async def run(self) -> None:
        """In the process that leads, until it is cancelled."""


class Intake:
    """Receives and hands out the updates of one bot."""

    def __init__(
        self,
        settings: IntakeSettings,
        db: Database,
        wire: Wire,
        handler: Handler,
        *,
        allowed_updates: Sequence[str] = ("message", "callback_query"),
        poll: bool = True,
        webhook: Webhook | None = None,
        records: Recorder | None = None,
    ) -> None:
        """`poll=False`: handle what others receive. `webhook`: take what Telegram brings there,
        instead of asking for it. `records`: keeps what happens about each update."""
        self.inbox = Inbox(db, wire.bot_id)
        self.leases = Leases(db, wire.bot_id, settings.partition_lease)
        self.lanes = Lanes()
        self.receiver: Receiver = webhook or Poller(wire, settings)
        self._allowed = allowed_updates
        self._settings = settings
        self._db = db
        self._bot = wire.bot_id
        self._handler = handler
        self._poll = poll
        self._recorder = records
        self._attempts = settings.attempts
        self._running: dict[asyncio.Task[None], float] = {}
        """Handlers at work, and when each began its try; infinite while it hasn't."""
        self._active = 0
        """How many of them count against `concurrency`."""
        self._late: set[asyncio.Task[None]] = set()
        self._finished: list[tuple[int, Fence]] = []
        self._something_finished = asyncio.Event()
        self._writing = asyncio.Lock()
        """Held while finished rows are written: who gives a partition away waits for all of its."""
        self._cold: list[Lane] = []
        """Lanes whose turn it is and whose next payload is in the database."""
        self._something_cold = asyncio.Event()
        self._news = asyncio.Event()
        self._changed = asyncio.Event()
        """Leases came free."""
        self._arriving = asyncio.Lock()
        """Held while rows enter the lanes, so that older ones enter first."""
        self._fresh: dict[int, dict[str, Any]] = {}
        """What this process added and hasn't yet seen in the order of all."""
        self._ringing = False
        self._cursor = -1
        """All rows up to this number, of the partitions held, are in the lanes."""
        self._newer: set[int] = set()
        """Partitions of ours in which updates of a newer version wait: nothing more enters their
        lanes, and they are given away as soon as they rest."""
        self._careful: dict[int, int] = {}
        """Partition → its updates up to this number may have killed processes."""
        self._one_suspect = asyncio.Lock()
        self._spared: dict[int, int] = {}
        """Suspects that the database's absence cut short → the tries that count against them."""
        self._processes = 1
        self._led = True
        """Whether any process leads."""
        self._abstains_until = 0.0
        """Until when this one doesn't, since it couldn't reach Telegram."""
        self._away = 0
        self._paused = False
        self._stopping = False
        self._polling: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ear: Any = None
        # Handlers start from this context, not from that of whoever happened to wake them.
        self._context = contextvars.Context()
        self._seconds = histogram("update_seconds", "From the start of a handler to its end")
        self._failures = counter("update_failures", "Tries of updates that failed")
        self._set_aside = counter("updates_set_aside", "Updates that failed too often")

    # -- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take a share of the work and begin. The database is migrated."""
        self._context = contextvars.copy_context()
        await self.leases.prepare()
        await self._listen()
        self.receiver.open(self._store, self._allowed)
        if self._recorder:
            self._recorder.start()
        await self._beat()
        for work in (self._beating, self._loading, self._flushing, self._scanning, self._sweeping):
            self._spawn(self._forever(work))

    async def stop(self, deadline: float = 10.0) -> None:
        """Receive nothing more, let handlers end within `deadline` seconds, and leave the rest in
        the database for the next start."""
        self._stopping = True
        self.receiver.close()
        await _cancel([self._polling] if self._polling else [])
        if self._running:
            await asyncio.wait(self._running, timeout=deadline)
        if self._running:
            log.warning("handlers cut short; their updates come again", number=len(self._running))
        await _cancel(list(self._running))
        await _cancel(list(self._tasks))
        with contextlib.suppress(DatabaseError):
            await self._flush()
            await self.leases.leave()
            await self._notify(_LEASES)
        if self._recorder:
            await self._recorder.stop()
        if self._ear is not None:
            await self._ear.close()
            self._ear = None

    def health(self) -> HealthCheck:
        return HealthCheck("intake", self._check)

    async def _check(self) -> Health:
        waiting = f"{self.lanes.waiting} updates wait"
        if self._paused:
            return Health(False, f"the database is away; {waiting}", "see the core.database check")
        if not self.leases.valid:
            return Health(False, f"no lease: the database doesn't answer; {waiting}")
        if self._polling is None and time.monotonic() < self._abstains_until:
            return Health(
                False,
                f"couldn't reach Telegram: another process leads now; {waiting}",
                "check this machine's network",
            )
        if self._polling is None and not self._led:
            return Health(
                False, f"no process {self.receiver.does}; {waiting}", "start a bot: plugram run"
            )
        if self._polling is None:
            return Health(True, f"stands by, another process leads; {waiting}")
        silent = time.monotonic() - self.receiver.answered_at
        if self.receiver.trouble:
            return Health(False, self.receiver.trouble, "see the log")
        if silent > 2 * self._settings.poll_timeout + 30:
            return Health(
                False, f"Telegram hasn't answered for {silent:.0f} s", "check the network"
            )
        return Health(True, f"{self.receiver.does}; {waiting}")

    # -- arriving -----------------------------------------------------------------------------

    async def _store(self, updates: Sequence[dict[str, Any]]) -> None:
        """A batch from Telegram: into the database, then into the lanes that are ours."""
        if self._processes > 1 and self.receiver.everywhere:
            # Others add in between all the time. What is new is read together, in order, and
            # nobody who brings something waits for that.
            for seq, at in await self.inbox.add(updates):
                if lane_of(updates[at])[1] in self.leases.held:
                    self._fresh[seq] = updates[at]
            self._news.set()
        else:
            async with self._arriving:
                stored = {seq: updates[at] for seq, at in await self.inbox.add(updates)}
                if list(stored) == list(range(self._cursor + 1, self._cursor + 1 + len(updates))):
                    self._take_in(stored)
                else:
                    # Somebody else adds too, or an earlier try was committed and its answer lost:
                    # read what is new from the database, in order.
                    self._fresh |= stored
                    await self._scan()
        if self._processes > 1 and self._concerns_others(updates):
            self._ring_soon()
        self._pump()

    def _concerns_others(self, updates: Sequence[dict[str, Any]]) -> bool:
        held = self.leases.held
        return any(lane_of(update)[1] not in held for update in updates)

    def _take_in(self, stored: dict[int, dict[str, Any]]) -> None:
        held, lanes = self.leases.held, self.lanes
        for seq, update in stored.items():
            name, partition = lane_of(update)
            fence = held.get(partition)
            if fence is not None and partition not in self._newer:
                lanes.add(fence, name, seq, Stored(update))
        self._cursor += len(stored)

    async def _scan(self) -> None:
        """What is new in the partitions that are ours, whoever added it. Numbers are given in the
        order of commits, so whatever isn't seen yet comes behind all that is."""
        self._cursor = await self._adopt(list(self.leases.held), self._cursor, _NO_END)
        for seq in [seq for seq in self._fresh if seq <= self._cursor]:
            del self._fresh[seq]  # another process's

    async def _adopt(self, partitions: Collection[int], after: int, until: int) -> int:
        """The number of the last one."""
        while partitions and after < until:
            rows = await self.inbox.waiting(partitions, after, until, _PAGE)
            for row in rows:
                fence = self.leases.held.get(row.partition)
                if row.is_newer and fence is not None:
                    self._newer.add(row.partition)
                if fence is not None and row.partition not in self._newer:
                    update = self._fresh.pop(row.seq, None)
                    self.lanes.add(fence, row.lane, row.seq, Stored(update) if update else None)
            if rows:
                after = rows[-1].seq
            if len(rows) < _PAGE:
                break
        return after

    async def _scanning(self) -> None:
        """Hear of what other processes added; look now and then, in case a bell got lost, or an
        operator replays something."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.leases.interval):
                await self._news.wait()
        if self._processes > 1 and self.receiver.everywhere:
            await asyncio.sleep(_TOGETHER)
        self._news.clear()
        async with self._arriving:
            await self._scan()
        if self._newer:
            await self._leave_to_newer()
        self._pump()

    async def _listen(self) -> None:
        """PostgreSQL wakes us; elsewhere `_scanning` looks often enough."""
        direct = getattr(self._db.engine, "direct", None)
        if direct is None:
            return
        try:
            self._ear = await direct()
            await self._ear.add_listener(_CHANNEL, self._heard)
        except Exception as error:  # noqa: BLE001 - without an ear we look
            log.warning("no bell from the database; looking instead", error=str(error))
            self._ear = None

    def _heard(self, _: object, __: int, ___: str, word: str) -> None:
        if word == _LEASES:
            self._changed.set()
        elif word != self.leases.owner:
            self._news.set()

    def _ring_soon(self) -> None:
        """Tell the others of news, once for all that comes within a moment."""
        if not self._ringing:
            self._ringing = True
            self._spawn(self._ring_once())

    async def _ring_once(self) -> None:
        await asyncio.sleep(_TOGETHER)
        self._ringing = False
        await self._notify(self.leases.owner)

    def _ring(self, word: str) -> None:
        self._spawn(self._notify(word))

    async def _notify(self, word: str) -> None:
        if self._db.dialect == "postgres":
            with contextlib.suppress(DatabaseError):
                await self._db.fetch("SELECT pg_notify($1, $2)", _CHANNEL, word)

    # -- leases -------------------------------------------------------------------------------

    async def _beating(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.leases.interval):
                await self._changed.wait()
        self._changed.clear()
        await self._beat()
        if self._ear is not None and self._ear.is_closed():
            await self._listen()

    async def _beat(self) -> None:
        async with self._arriving:
            # Who couldn't reach Telegram waits for others, unless nobody takes the seat.
            abstains = self._led and time.monotonic() < self._abstains_until
            lead = self._poll and not abstains
            beat = await self.leases.beat(lead=lead)
            self._processes, self._led = beat.processes, beat.led
            if self._cursor < 0:
                self._cursor = await self.inbox.latest()
            if beat.lost:
                log.warning("partitions lost to another process", number=len(beat.lost))
                self.lanes.drop(beat.lost)
            for one in beat.taken:
                self._suspect(one)
            await self._adopt([one.fence.partition for one in beat.taken], 0, self._cursor)
            self._newer.intersection_update(self.leases.held)
        if self._newer:
            await self._leave_to_newer()
        if beat.surplus:
            await self._give_away(beat.surplus)
        await self._resign()
        self._seat()
        gauge("updates_waiting", "Updates that aren't handled yet").set(self.lanes.waiting)
        self._pump()

    def _suspect(self, taken: Taken) -> None:
        if taken.crashes >= SUSPICIOUS:
            self._careful[taken.fence.partition] = self._cursor
        else:
            self._careful.pop(taken.fence.partition, None)

    async def _give_away(self, number: int) -> None:
        """Partitions beyond our share, idle ones, to processes that came after us."""
        await self._release(sorted(self.leases.held, reverse=True), number)

    async def _leave_to_newer(self) -> None:
        """Partitions in which a newer version's updates wait, to processes that understand them."""
        given = await self._release(self._newer)
        if given:
            log.info("left to a newer version", partitions=len(given), bot=self._bot)
            self._newer -= given

    async def _release(self, slots: Iterable[int], number: int | None = None) -> set[int]:
        """Give away those of them in which all is done and written, at most so many; which."""
        async with self._arriving:
            await self._flush()
            # From here until the lanes are gone nothing starts.
            busy = self.lanes.busy() | {fence.partition for _, fence in self._finished}
            given = set([slot for slot in slots if slot not in busy][:number])
            self.lanes.drop(given)
            if given:
                await self.leases.release(given)
                self._ring(_LEASES)
        return given

    async def _resign(self) -> None:
        """Whoever can't reach Telegram, and isn't alone, lets another one lead."""
        since = self.receiver.cut_off_since
        cut_off = bool(since) and time.monotonic() - since > _CUT_OFF
        if not (cut_off and self.leases.leads and self._processes > 1):
            return
        log.warning("Telegram is out of reach: another process may lead", bot=self._bot)
        self._abstains_until = time.monotonic() + _AFTERWARDS
        self.receiver.cut_off_since = 0.0
        await self.leases.release([POLLER])
        self._ring(_LEASES)

    def _seat(self) -> None:
        """Poll if, and only if, the poller's seat is ours."""
        if self._stopping:
            return
        leads = self.leases.leads
        if leads and (self._polling is None or self._polling.done()):
            log.info(self.receiver.does, bot=self._bot, processes=self._processes)
            self._polling = asyncio.create_task(self._poll_on())
        elif not leads and self._polling is not None:
            log.warning("another process leads now", bot=self._bot)
            self._polling.cancel()
            self._polling = None

    async def _poll_on(self) -> None:
        await self._forever(self.receiver.run)

    # -- handing out --------------------------------------------------------------------------

    def _pump(self) -> None:
        """Start what may start."""
        lanes, limit = self.lanes, self._settings.concurrency
        ready = lanes.ready
        if not ready or self._paused or self._stopping or not self.leases.valid:
            return
        create = asyncio.get_running_loop().create_task
        while ready:
            lane = ready[0]
            bypass = bypasses(lane.name)
            if self._active >= limit and not bypass:
                return
            ready.popleft()
            stored = lanes.start(lane)
            if stored is None:
                self._cold.append(lane)
                self._something_cold.set()
                continue
            self._active += not bypass
            work = self._work(lane, lane.seqs[0], stored, counted=not bypass)
            self._running[create(work, context=self._context.copy())] = time.monotonic()

    async def _work(self, lane: Lane, seq: int, stored: Stored, *, counted: bool) -> None:
        """One update, to its end, or back to where it waits."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for mypy: this is a task's coroutine
        try:
            if seq <= self._careful.get(lane.fence.partition, -1):
                await self._suspected(lane, seq, stored, task)
            else:
                await self._tries(lane, seq, stored, task)
            self._away = 0
            self.lanes.done(lane)
        except LeaseLost as error:
            await self._outrun(lane, error)
        except _UNUSABLE as error:
            self.lanes.put_back(lane)
            self._pause(error)
        except asyncio.CancelledError:
            self.lanes.put_back(lane)  # we are stopping; its row comes again
            raise
        except Exception as error:  # a bug of ours must not lose the lane
            log.exception("intake failed", seq=seq, error=repr(error))
            self._away += 1
            self.lanes.put_back(lane)
            self._pause(error)
        finally:
            self._running.pop(task, None)
            self._active -= counted
            self._pump()

    async def _outrun(self, lane: Lane, error: LeaseLost) -> None:
        """What was done didn't count. Find out at once which leases are left."""
        log.warning("lease lost while working", error=str(error))
        try:
            await self._beat()
            self.lanes.done(lane)
        except DatabaseError as away:
            self.lanes.put_back(lane)
            self._pause(away)

    async def _suspected(
        self, lane: Lane, seq: int, stored: Stored, task: asyncio.Task[None]
    ) -> None:
        """Processes died one after the other over this partition: one such update at a time, and
        noted before it begins, so that one that kills is told from those beside it."""
        self._running[task] = float("inf")
        async with self._one_suspect:
            stored.attempts = self._spared.pop(seq, stored.attempts)
            error = "the process died while this was worked on"
            if stored.attempts >= self._attempts:
                last = self._incoming(stored, lane.fence)
                await self.inbox.fail(
                    seq, lane.fence, stored.attempts, error, last.trace, status=SET_ASIDE
                )
                if self._recorder:
                    trace = self._recorder.begin()
                    self._recorder.end(trace, last, recorder.SET_ASIDE, RuntimeError(error))
                self._set_aside.inc()
                log.error("update set aside", seq=seq, error=error, attempts=stored.attempts)
                return
            noted = stored.attempts + 1
            await self.inbox.fail(seq, lane.fence, noted, error, "", status=stored.status)
            try:
                await self._tries(lane, seq, stored, task)
            except _UNUSABLE:
                self._spared[seq] = stored.attempts  # it didn't die over it
                raise
            await self._flush()  # a death right now must not count against it

    async def _tries(self, lane: Lane, seq: int, stored: Stored, task: asyncio.Task[None]) -> None:
        """Let the handler have it until that works or it is set aside."""
        failures = 0
        while True:
            incoming = self._incoming(stored, lane.fence)
            trace = self._recorder.begin() if self._recorder else None
            outcome, error = recorder.CUT_SHORT, None
            try:
                committed, error = await self._try(lane, seq, stored, incoming, task)
                if error is None:
                    self._finish(seq, lane.fence)
                    outcome = recorder.DONE
                    return
                if isinstance(error, _UNUSABLE) and not committed and self._is_away(error):
                    raise error
                stored.attempts += 1
                outcome = await self._failed(
                    lane, seq, stored, incoming, error, committed=committed
                )
                if outcome != recorder.FAILED:
                    return
            finally:
                if self._recorder:
                    self._recorder.end(trace, incoming, outcome, error)
            failures += 1
            await asyncio.sleep(_RETRY_PAUSE.pause(failures))

    async def _try(
        self, lane: Lane, seq: int, stored: Stored, incoming: Incoming, task: asyncio.Task[None]
    ) -> tuple[bool, Exception | None]:
        """One try: whether its effects are committed, and how it failed."""
        began = self._running[task] = time.monotonic()
        failure: Exception | None = None
        completion = _Completion(self.inbox, seq, lane)
        with self._db.before_commit(completion.join) as effects:
            try:
                if stored.status == ANSWERING:
                    await self._handler.interrupted(incoming)
                else:
                    await self._handler.feed(incoming)
            except LeaseLost:
                raise
            except asyncio.CancelledError:
                if task not in self._late:
                    raise
                task.uncancel()
                self._late.discard(task)
                seconds = self._settings.handler_timeout
                failure = TimeoutError(f"the handler didn't end within {seconds:g} s")
            except Exception as error:  # noqa: BLE001 - counted, reported, tried again
                failure = error
            finally:
                completion.over = True
                self._running[task] = float("inf")
        self._seconds.observe(time.monotonic() - began)
        return effects.done, failure

    async def _failed(
        self,
        lane: Lane,
        seq: int,
        stored: Stored,
        incoming: Incoming,
        error: Exception,
        *,
        committed: bool,
    ) -> str:
        """Note it. How the try ended: `recorder.FAILED` if there will be another."""
        self._failures.inc()
        had_effects = committed or stored.status == ANSWERING
        last = committed or stored.attempts >= self._attempts
        # What had its effects must not have them again: it is done, such as it is.
        status = stored.status if not last else DONE if had_effects else SET_ASIDE
        said = f"{type(error).__name__}: {storable(error)}"
        await self.inbox.fail(seq, lane.fence, stored.attempts, said, incoming.trace, status=status)
        if not last:
            log.warning("update failed", **_facts(incoming), error=said)
            return recorder.FAILED
        log.error("update set aside", **_facts(incoming), error=said, exc_info=error)
        self._set_aside.inc()
        try:
            async with asyncio.timeout(self._settings.handler_timeout):
                await self._handler.gave_up(incoming, error)
        except Exception as another:  # noqa: BLE001 - the chat can't be told; the log has it
            log.warning("the chat wasn't told", **_facts(incoming), error=repr(another))
        return recorder.HALF_DONE if had_effects else recorder.SET_ASIDE

    def _incoming(self, stored: Stored, fence: Fence) -> Incoming:
        update = stored.update
        return Incoming(
            self._bot,
            update["update_id"],
            kind_of(update),
            update,
            stored.attempts + 1,
            new_trace(),
            fence.token,
        )

    def _is_away(self, error: Exception) -> bool:
        self._away += 1
        if self._away > _AWAY_TRIES:
            log.error("database away for one update alone", error=str(error))
            self._away = 0
            return False
        return True

    def _pause(self, error: Exception) -> None:
        """The database is away: start nothing for a while."""
        if self._paused or self._stopping:
            return
        self._paused = True
        seconds = _AWAY_PAUSE.pause(self._away)
        log.warning("updates wait", error=str(error), seconds=round(seconds, 1))
        asyncio.get_running_loop().call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._paused = False
        self._pump()

    # -- in the background --------------------------------------------------------------------

    async def _loading(self) -> None:
        """Payloads of lanes whose turn it is, many at a time."""
        await self._something_cold.wait()
        if self._paused or self.lanes.payloads > _LOADED_ENOUGH + 1024:
            await asyncio.sleep(_GATHER)
            return
        lanes, self._cold = self._cold[:_LOAD_LANES], self._cold[_LOAD_LANES:]
        lanes = [lane for lane in lanes if not lane.forgotten]
        each = max(1, min(_LOAD_EACH, _LOADED_ENOUGH // max(1, len(lanes))))
        wanted = self.lanes.wanted(lanes, each)
        try:
            found = await self.inbox.load(wanted) if wanted else {}
        except BaseException:
            self._cold = lanes + self._cold
            raise
        self.lanes.supply(lanes, wanted, found)
        if not self._cold:
            self._something_cold.clear()
        self._pump()

    def _finish(self, seq: int, fence: Fence) -> None:
        self._finished.append((seq, fence))
        if len(self._finished) == 1:
            self._something_finished.set()

    async def _flushing(self) -> None:
        await self._something_finished.wait()
        await asyncio.sleep(_GATHER)
        await self._flush()

    async def _flush(self) -> None:
        """Write what is finished, in one statement."""
        async with self._writing:
            batch, self._finished = self._finished, []
            self._something_finished.clear()
            held = self.leases.held
            seqs = [seq for seq, fence in batch if held.get(fence.partition) is fence]
            if not seqs:
                return
            try:
                tokens = {fence.token for fence in held.values()}
                await self.inbox.finish(seqs, self.leases.owner, tokens)
            except BaseException:
                self._finished = batch + self._finished
                self._something_finished.set()
                raise

    async def _sweeping(self) -> None:
        """Stop handlers that take too long; forget what is long done."""
        last_purge = float("-inf")
        while True:
            await asyncio.sleep(_SWEEP)
            now = time.monotonic()
            for task, began in list(self._running.items()):
                if now - began > self._settings.handler_timeout and task not in self._late:
                    self._late.add(task)
                    task.cancel()
            self._late.intersection_update(self._running)
            if self._polling is not None and now - last_purge > _PURGE_EVERY:
                last_purge = now
                await self.inbox.purge(self._settings.keep * 3600)
                if self._recorder:
                    await self._recorder.purge()

    async def _forever(self, work: Callable[[], Awaitable[None]]) -> None:
        """Repeat. A database that is away, or a bug, doesn't end it."""
        failures = 0
        while True:
            try:
                await work()
                failures = 0
            except DatabaseError as error:
                failures += 1
                log.warning("the database fails intake", work=work.__name__, error=str(error))
                await asyncio.sleep(min(_AWAY_PAUSE.pause(failures), self.leases.interval))
            except Exception:
                failures += 1
                log.exception("intake failed", work=work.__name__)
                await asyncio.sleep(_AWAY_PAUSE.pause(failures))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Completion:
    """What joins the handler's first transaction: its row has taken effect."""

    __slots__ = ("_inbox", "_lane", "_seq", "over")

    def __init__(self, inbox: Inbox, seq: int, lane: Lane) -> None:
        self._inbox = inbox
        self._seq = seq
        self._lane = lane
        self.over = False
        """The handler has ended. A task that it started may still write, for itself."""

    async def join(self) -> None:
        if not self.over:
            await self._inbox.commit(self._seq, self._lane.name, self._lane.fence)


def _facts(incoming: Incoming) -> dict[str, Any]:
    return {
        "update_id": incoming.update_id,
        "kind": incoming.kind,
        "attempt": incoming.attempt,
        "trace_id": incoming.trace,
    }


async def _cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.gather(*tasks, return_exceptions=True)
