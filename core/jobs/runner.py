"""The worker: claims rows of the ledger and runs them. The same `Runner` works in the bot's
process, in `plugram worker` and under arq (`arq core.worker.WorkerSettings`).

Three loops. One claims: as many rows as there are free slots, finishing in the same statement what
ended meanwhile, so the busier it is, the bigger the batches. One beats: a heartbeat renews the
lease of the process, not of single jobs. One reconciles every few seconds: takes the rows of dead
workers, queues what is due, plants cron ticks, parks what nobody knows.

A job whose process died runs again alone, in a child process (core.jobs.alone), so that a job that
kills processes costs nobody else; after three crashes it is dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import math
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from core import metrics
from core.db.scope import scoped
from core.errors import (
    ConfigError,
    DatabaseAway,
    DatabaseError,
    JobError,
    PlugramError,
    UserError,
    storable,
)
from core.jobs.alone import NOT_NOW, Alone
from core.jobs.job import Job, JobRow, Jobs, RegisteredJob, Retry, call, current_job
from core.jobs.ledger import Claim, Ending, Ledger, NewJob, cron_prefix
from core.log import bind, get_logger, redact, trace_id
from core.retry import Backoff, retry

if TYPE_CHECKING:
    from core.config import JobsSettings, Settings
    from core.db.database import Database

log = get_logger("worker")

OnDead = Callable[[JobRow], Awaitable[None]]

PURGE_EVERY = 60.0
PARK_EVERY = 10.0
LOOK_EVERY = 1.0
"""Seconds between two looks for cancelled jobs and unwritten progress, while jobs run."""
GRACE = 2.0
"""Seconds that a cancelled job gets to clean up; then its slot is free and its row moves on."""
CHILD_END = 5.0
"""Seconds on top of its time-out that a job in a child process gets, to write its ending."""
_ALONE = max(2, os.cpu_count() or 1)
"""Children at a time: each starts all plugins, and more of them only keep one another from it."""
_PAUSES = Backoff(base=0.2, longest=5.0)


@dataclass
class _Running:
    """A claimed row and the task that works on it."""

    job: Job
    task: asyncio.Task[Ending | None]
    stop: Literal["", "cancelled", "released", "lost"] = ""
    """Why it was told to stop."""


class Runner:
    """Runs the jobs of `registry` (by full name, `files.store`) until `drain` and `stop`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        registry: Mapping[str, RegisteredJob],
        *,
        jobs: Jobs | None = None,
        on_dead: OnDead | None = None,
        alone: Alone | None = None,
        gate: Callable[[str], bool] = lambda _: True,
        worked: Callable[[str], None] = lambda _: None,
        exit_when_blocked: bool = False,
    ) -> None:
        """`jobs`: the process's own, so that its enqueues are heard at once. `on_dead`: told of
        each job that ends as a dead letter. `alone`: runs suspects in child processes; without it
        they run here, one at a time. `gate`: whether a plugin may work now; the jobs of one that
        is paused wait. `worked`: told of a plugin whose job ended well. `exit_when_blocked`: end
        the process when its loop stands still for longer than the lease, for a supervisor to start
        it anew."""
        self.settings: JobsSettings = settings.jobs
        self.jobs = jobs or Jobs(database, settings.jobs)
        self.jobs.registry = registry
        self.registry = registry
        self.ledger: Ledger = self.jobs.ledger
        self.id = ""
        """Of this worker, while it is registered."""
        self._names = sorted(registry)
        self._gate = gate
        self._worked = worked
        self._on_dead = on_dead
        self._alone = alone
        self._exit_when_blocked = exit_when_blocked
        self._running: dict[int, _Running] = {}
        self._suspects: dict[int, _Running] = {}
        self._endings: list[Ending] = []
        self._asking = 0
        """Statements under way that may bring claims."""
        self._woken = asyncio.Event()
        self._ended = asyncio.Event()
        self._draining = False
        self._unsure = False
        """A claim failed in a way that may have claimed rows all the same."""
        self._beats_failed_at = -math.inf
        """When the database last failed a heartbeat, by the monotonic clock."""
        self._due: asyncio.TimerHandle | None = None
        self._planted: dict[str, str] = {}
        self._next: dict[str, float] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._errands: set[asyncio.Task[Any]] = set()

    # -- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Register and begin to claim."""
        self._draining = False
        # On SQLite whoever starts beside it may be migrating, which takes as long as it takes.
        await retry(self._register, on=DatabaseAway, attempts=10, total=60, what="registering")
        await self.jobs.bell.listen(self)
        for loop in (
            self._claim_loop,
            self._beat_loop,
            self._reconcile_loop,
            self._look_loop,
            self._alive_loop,
        ):
            self._loops.append(asyncio.create_task(loop(), name=loop.__name__))
        self.wake()
        log.info("worker started", worker=self.id, slots=self.settings.slots, jobs=self._names)

    async def drain(self, deadline: float = 30.0) -> bool:
        """Claim no more and wait `deadline` seconds for the jobs that run; what is left then is
        given back with its attempt uncounted. True if nothing was left."""
        self._draining = True
        clean = True
        try:
            async with asyncio.timeout(deadline):
                await self._until_empty()
        except TimeoutError:
            clean = False
            left = [*self._running.values(), *self._suspects.values()]
            if left:
                log.warning("jobs given back", jobs=[running.job.name for running in left])
            for running in left:
                self._halt(running, "released")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE + 0.5):
                    await self._until_empty()
        return clean

    async def stop(self) -> None:
        """End: give back what runs, unregister. `drain` first lets the jobs end by themselves."""
        if not self._loops:
            return
        await self.drain(0)
        await self.jobs.bell.leave(self)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        self._loops.clear()
        if self._due is not None:
            self._due.cancel()
        if self._exit_when_blocked:
            faulthandler.cancel_dump_traceback_later()
        try:
            await self._settle()
            await self.ledger.unregister(self.id)
        except DatabaseError as error:  # its lease ends by itself
            log.warning("worker left without a word", error=str(error))
        await asyncio.gather(*self._errands, return_exceptions=True)
        if self._alone is not None:
            await self._alone.close()
        log.info("worker stopped", worker=self.id)

    @property
    def ended(self) -> str:
        """Which of its loops ended although it works, by an error that nobody thought of; such a
        worker looks alive and does nothing. A database that is away ends none."""
        over = [loop.get_name() for loop in self._loops if loop.done()]
        return ", ".join(name for name in over if name != self._alive_loop.__name__)

    @property
    def busy(self) -> int:
        """Jobs that run now."""
        return len(self._running) + len(self._suspects)

    async def _until_empty(self) -> None:
        while self._running or self._suspects or self._endings or self._asking:
            self._ended.clear()
            self._woken.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await self._ended.wait()

    async def _register(self) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        await self.ledger.register(
            self.id,
            host=socket.gethostname(),
            pid=os.getpid(),
            slots=self.settings.slots,
            names=self._names,
            lease=self.settings.lease,
        )

    # -- what the bell calls --------------------------------------------------------------------

    def wake(self, delay: float = 0.0) -> None:
        """There is work, or there will be in `delay` seconds."""
        if delay > 0:
            self._expect(delay)
        else:
            self._woken.set()

    def look_for_stops(self) -> None:
        """A running job was cancelled, here or elsewhere."""
        if self._running or self._suspects:
            self._errand(self._obey())

    # -- claiming -------------------------------------------------------------------------------

    async def _claim_loop(self) -> None:
        failures = 0
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                self._asking += 1
                if self._unsure:
                    await self._give_back_strangers()
                await self._claim()
                failures = 0
            except DatabaseError as error:
                failures += 1
                self._unsure = True
                pause = _PAUSES.pause(failures)
                log.warning("can't claim jobs", error=str(error), seconds=round(pause, 1))
                await asyncio.sleep(pause)
                self._woken.set()
            except Exception:  # a bug of ours must not end the loop
                failures += 1
                self._unsure = True
                log.exception("claiming failed")
                await asyncio.sleep(_PAUSES.pause(failures))
                self._woken.set()
            finally:
                self._asking -= 1
                self._ended.set()

    async def _claim(self) -> None:
        """Finish what ended, fill the free slots: one statement, or one transaction if need be."""
        endings, self._endings = self._endings, []
        free = 0 if self._draining else self.settings.slots - len(self._running)
        done = [(ending.id, ending.token) for ending in endings if ending.state == "done"]
        others = [ending for ending in endings if ending.state != "done"]
        try:
            if others:
                async with self.ledger.database.transaction():
                    for ending in others:
                        await self.ledger.finish(ending)
            claims = await self.ledger.claim_and_finish(self.id, self._open(), free, done)
        except BaseException:
            self._endings = endings + self._endings
            raise
        for claim in claims:
            self._start(claim, self._running, self._perform)
        self._follow_up(others)
        if endings:
            self._ended.set()

    def _open(self) -> list[str]:
        """The jobs that may begin now. The reconciler looks again when a pause is over."""
        plugins = {found.plugin_id for found in self.registry.values()}
        paused = {plugin for plugin in plugins if not self._gate(plugin)}
        if not paused:
            return self._names
        return [name for name in self._names if self.registry[name].plugin_id not in paused]

    def _follow_up(self, endings: Sequence[Ending]) -> None:
        """What is to be done once endings are committed."""
        for ending in endings:
            if ending.state == "delayed":
                self._expect(ending.delay)
            elif ending.state == "dead":
                self._errand(self._tell_dead(ending.id))
            elif ending.state == "queued":
                self.jobs.bell.ring()  # for others too: this worker may be leaving

    def _start(
        self,
        claim: Claim,
        among: dict[int, _Running],
        perform: Callable[[_Running], Coroutine[Any, Any, Ending | None]],
    ) -> None:
        before = among.get(claim.id)
        if self._draining:  # the claim was on its way when that began
            self._endings.append(Ending(claim.id, claim.token, "queued", uncounted=True))
            self._woken.set()
            return
        if before is not None:
            # Queued again while it runs here: by an operator, or the database lost the claim.
            if before.job.claim.token != claim.token:
                again = Ending(claim.id, claim.token, "delayed", 1.0, uncounted=True)
                self._endings.append(again)
                self._woken.set()
            return
        running = _Running(Job(claim, self.ledger), task=None)  # type: ignore[arg-type]  # below
        running.task = asyncio.create_task(perform(running), name=f"{claim.name} {claim.id}")
        among[claim.id] = running
        running.task.add_done_callback(lambda task: self._end(running, among, task))

    def _end(
        self, running: _Running, among: dict[int, _Running], task: asyncio.Task[Ending | None]
    ) -> None:
        if among.get(running.job.id) is not running:
            return  # its slot was taken from it: it didn't stop when it was told to
        del among[running.job.id]
        if task.cancelled():
            ending = self._stopped(running)
        elif (error := task.exception()) is not None:
            log.error("a job's ending is unknown; it is given back", exc_info=error)
            ending, self._unsure = None, True
        else:
            ending = task.result()
        if ending is not None and running.stop != "lost":
            self._endings.append(ending)
        self._woken.set()
        self._ended.set()

    async def _perform(self, running: _Running) -> Ending | None:
        job = running.job
        registered = self.registry[job.name]
        try:
            ending = await perform(registered, job, self.settings)
            if ending is None or ending.state == "done":
                self._worked(registered.plugin_id)
            return ending
        except asyncio.CancelledError as error:
            if running.stop:
                return self._stopped(running)
            cause = RuntimeError("something that it awaits was cancelled")
            cause.__cause__ = error
            return failure(job, cause, self.settings)

    @staticmethod
    def _stopped(running: _Running) -> Ending | None:
        """The ending of a job that was told to stop, whether it listened or not."""
        claim = running.job.claim
        if running.job.finished or running.stop == "lost":
            return None
        if running.stop == "cancelled":
            return Ending(claim.id, claim.token, "cancelled")
        return Ending(claim.id, claim.token, "queued", uncounted=True)

    def _halt(self, running: _Running, why: Literal["cancelled", "released", "lost"]) -> None:
        """Tell a job to stop; one that doesn't within its grace loses its slot."""
        if running.stop:
            return
        running.stop = why
        running.job.cancelled = True
        running.task.cancel()
        asyncio.get_running_loop().call_later(GRACE, self._abandon, running)

    def _abandon(self, running: _Running) -> None:
        for among in (self._running, self._suspects):
            if among.get(running.job.id) is running:
                del among[running.job.id]
                ending = self._stopped(running)
                if ending is not None:
                    self._endings.append(ending)
                log.error("a job doesn't stop; its slot is used again", job=running.job.name)
                self._woken.set()

    async def _give_back_strangers(self) -> None:
        """Rows that are ours in the ledger and not here: a claim whose answer was lost."""
        ours = {ending.id for ending in self._endings} | set(self._running) | set(self._suspects)
        for job, token in await self.ledger.owned(self.id):
            if job not in ours:
                await self.ledger.finish(Ending(job, token, "queued", uncounted=True))
        self._unsure = False

    async def _settle(self) -> None:
        """Write the last endings."""
        endings, self._endings = self._endings, []
        for ending in endings:
            await self.ledger.finish(ending)
        self._follow_up(endings)

    # -- heartbeat ------------------------------------------------------------------------------

    async def _alive_loop(self) -> None:
        """Say every second that the loop turns. Once it didn't for the length of the lease, a
        thread in C ends the process, even if the interpreter itself is stuck."""
        while self._exit_when_blocked:
            faulthandler.dump_traceback_later(self.settings.lease, exit=True)
            await asyncio.sleep(min(1.0, self.settings.lease / 4))

    async def _beat_loop(self) -> None:
        while True:
            try:
                if not await self.ledger.beat(self.id, self.settings.lease):
                    await self._lost()
            except DatabaseError as error:
                self._beats_failed_at = time.monotonic()
                log.warning("no heartbeat", error=str(error))
            except Exception:
                log.exception("heartbeat failed")
            await asyncio.sleep(self.settings.heartbeat)

    async def _lost(self) -> None:
        """Others took us for dead and have our jobs: stop them here, and begin anew."""
        log.error(
            "this worker stood still for longer than its lease; its jobs run elsewhere",
            worker=self.id,
            jobs=[running.job.name for running in self._running.values()],
        )
        for running in (*self._running.values(), *self._suspects.values()):
            self._halt(running, "lost")
        self._endings.clear()
        await self._register()
        self._woken.set()

    # -- cancelling and progress ------------------------------------------------------------------

    async def _look_loop(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if not self._running and not self._suspects:
                continue
            try:
                await self._obey()
                await self._report()
            except DatabaseError as error:
                log.warning("can't look after running jobs", error=str(error))
            except Exception:
                log.exception("looking after running jobs failed")

    async def _obey(self) -> None:
        for job in await self.ledger.asked_to_stop(self.id):
            running = self._running.get(job) or self._suspects.get(job)
            if running is not None:
                self._halt(running, "cancelled")

    async def _report(self) -> None:
        reports = []
        for running in self._running.values():
            report, running.job.report = running.job.report, None
            if report is not None:
                reports.append((running.job.id, running.job.claim.token, report))
        if reports:
            await self.ledger.progress(reports)

    # -- reconciling ------------------------------------------------------------------------------

    async def _reconcile_loop(self) -> None:
        while True:
            try:
                await self._reconcile()
            except DatabaseError as error:
                log.warning("can't reconcile", error=str(error))
            except Exception:
                log.exception("reconciling failed")
            await asyncio.sleep(self.settings.reconcile)

    def _everybody_could_beat(self) -> bool:
        """Whether the database has been there for a whole lease. While it is away its clock runs
        on, and who lives can't say so."""
        return time.monotonic() - self._beats_failed_at > self.settings.lease

    async def _take_over(self) -> None:
        """The jobs of workers that died."""
        found = await self.ledger.reconcile()
        if found.workers or found.jobs:
            log.warning(
                "took the jobs of dead workers",
                workers=found.workers,
                again=found.again,
                dead=[row.id for row in found.dead],
            )
        for row in found.dead:
            self._errand(self._tell_dead(row.id))

    async def _reconcile(self) -> None:
        if self._everybody_could_beat():
            await self._take_over()
        await self._plant_ticks()
        await self._promote()
        if not self._draining:
            await self.ledger.unpark(self._names)
            self._asking += 1
            try:
                await self._claim_suspects()
            finally:
                self._asking -= 1
                self._ended.set()
        if self._is_time("park", PARK_EVERY) and (parked := await self.ledger.park()):
            log.warning("jobs that no live worker knows were parked", number=parked)
        if self._is_time("purge", PURGE_EVERY):
            await self.ledger.purge(
                self.settings.keep_done * 86400, self.settings.keep_dead * 86400 or None
            )
        self._woken.set()

    def _is_time(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._next.get(what, 0):
            return False
        self._next[what] = now + every
        return True

    def _expect(self, delay: float) -> None:
        """Something is due in `delay` seconds."""
        loop = asyncio.get_running_loop()
        when = loop.time() + max(delay, 0.005)
        if self._due is not None and not self._due.cancelled() and self._due.when() <= when:
            return
        if self._due is not None:
            self._due.cancel()
        self._due = loop.call_at(when, self._is_due)

    def _is_due(self) -> None:
        self._due = None
        self._errand(self._promote())

    async def _promote(self) -> None:
        wait = await self.ledger.promote()
        if wait is not None:
            self._expect(wait)
        self._woken.set()

    # -- cron -------------------------------------------------------------------------------------

    async def _plant_ticks(self) -> None:
        """The next tick of each cron job is a row, with a key of its own: several workers plant it
        once, and a tick that nobody was there for is run once when somebody is."""
        crons = [found for found in self.registry.values() if found.spec.cron]
        if not crons:
            return
        now = await self.ledger.database.fetchval(f"SELECT {self.ledger.database.clock}")
        for registered in crons:
            when = next_tick(registered.spec.cron or "", now)
            key = f"{cron_prefix(registered.name)}{when}"
            before = self._planted.get(registered.name)
            if before == key:
                continue
            if before is None:  # the schedule may have been another one before this start
                await self.ledger.drop_ticks(registered.name, key)
            await self._plant(registered, key, float(when))
            self._planted[registered.name] = key

    async def _plant(self, registered: RegisteredJob, key: str, when: float) -> None:
        await self.ledger.insert(
            NewJob(
                name=registered.name,
                args="{}",
                attempts=registered.spec.attempts or self.settings.attempts,
                priority=int(registered.spec.priority),
                run_at=when,
                key=key,
            )
        )

    # -- suspects ---------------------------------------------------------------------------------

    async def _claim_suspects(self) -> None:
        limit = min(self.settings.slots, _ALONE) if self._alone is not None else 1
        free = limit - len(self._suspects)
        if free <= 0 or not await self.ledger.has_suspects():
            return
        for claim in await self.ledger.claim(self.id, self._open(), free, suspects=True):
            self._start(
                claim, self._suspects, self._perform_alone if self._alone else self._perform
            )

    async def _perform_alone(self, running: _Running) -> Ending | None:
        """In a child process, which writes the ending itself; here only what it can't."""
        claim, alone = running.job.claim, self._alone
        if alone is None:
            raise RuntimeError("no way to run a job alone")
        limit = self.registry[claim.name].spec.timeout or self.settings.timeout
        log.info("a job runs alone", job=claim.name, id=claim.id, crashes=claim.crashes)
        try:
            status: int | str = await alone.run(claim.id, claim.token, self.id, limit + CHILD_END)
        except TimeoutError:
            status = "a kill: it stood still beyond its time-out"
        except PlugramError as away:
            return self._not_now(claim, str(away))
        except asyncio.CancelledError:
            return self._stopped(running)
        if status == NOT_NOW:
            return self._not_now(claim, "its process couldn't work; see the log")
        row = await self.ledger.crash(claim.id, claim.token, f"its process ended with {status}")
        if row is not None:
            log.error("a job crashed its process", job=claim.name, id=claim.id, status=status)
        self._errand(self._tell_dead(claim.id))  # be it by the crash, or by its own ending
        self._errand(self._promote())
        return None

    @staticmethod
    def _not_now(claim: Claim, why: str) -> Ending:
        """No fault of the job."""
        log.error("a job can't run alone, trying again later", job=claim.name, error=why)
        return Ending(claim.id, claim.token, "delayed", 10.0, why, uncounted=True)

    # -- errands ----------------------------------------------------------------------------------

    def _errand(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._run_errand(work))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    @staticmethod
    async def _run_errand(work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except DatabaseError as error:
            log.warning("the database is away; the reconciler will see to it", error=str(error))
        except Exception:
            log.exception("an errand of the worker failed")

    async def _tell_dead(self, job: int) -> None:
        row = await self.ledger.get(job)
        if row is None or row.state != "dead":
            return
        log.error("job is dead", job=row.name, id=row.id, error=row.error, trace_id=row.trace)
        if self._on_dead is not None:
            await self._on_dead(row)


# -- running one job ----------------------------------------------------------------------------


async def perform(registered: RegisteredJob, job: Job, settings: JobsSettings) -> Ending | None:
    """Call a job's function and say how its row goes on; None: the job ended it itself."""
    trace_id.set(job.trace)
    current_job.set(job)
    if why := registered.refuses(job):
        log.info("job cancelled", job=job.name, id=job.id, reason=why, trace_id=job.trace)
        return Ending(job.id, job.claim.token, "cancelled", error=why)
    limit = registered.spec.timeout or settings.timeout
    started = time.perf_counter()
    ending: Ending | None
    with bind(job_id=job.id), scoped(job.scope):
        try:
            async with asyncio.timeout(limit) as clock:
                await call(registered, job)
            ending = Ending(job.id, job.claim.token, "done")
        except TimeoutError as error:
            told = TimeoutError(f"took longer than {limit:g} s") if clock.expired() else error
            ending = failure(job, told, settings)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit too: a job doesn't end workers
            ending = failure(job, error, settings)
        state = "done" if job.finished else ending.state
        _measure(job.name, state, time.perf_counter() - started)
    return None if job.finished else ending


def failure(job: Job, error: BaseException, settings: JobsSettings) -> Ending:
    """Try again later, or set it aside: by the error's kind and the attempts that are left."""
    claim = job.claim
    if job.cancelled and isinstance(error, JobError):
        return Ending(claim.id, claim.token, "cancelled")
    text = storable(error)
    said = redact(f"{type(error).__name__}: {text}" if text else type(error).__name__)
    if isinstance(error, Retry):
        delay, level = error.delay, log.info
    else:
        delay, level = _pause(error, claim.attempt, settings), log.warning
    dead = is_final(error) or claim.attempt >= claim.attempts
    level(
        "job failed",
        job=claim.name,
        id=claim.id,
        attempt=f"{claim.attempt} of {claim.attempts}",
        error=said,
        again_in=None if dead else round(delay, 1),
        exc_info=None if isinstance(error, (Retry, PlugramError, TimeoutError)) else error,
    )
    if dead:
        return Ending(claim.id, claim.token, "dead", error=said)
    state: Literal["delayed", "queued"] = "delayed" if delay > 0 else "queued"
    return Ending(claim.id, claim.token, state, delay=max(delay, 0.0), error=said)


def is_final(error: BaseException) -> bool:
    """Whether trying again can't help: what is wrong is the job itself, or the settings."""
    final = getattr(error, "final", None)
    if isinstance(final, bool):
        return final
    return isinstance(error, JobError | UserError | ConfigError)


def _pause(error: BaseException, attempt: int, settings: JobsSettings) -> float:
    """What the error asks for (flood control), else exponential with jitter."""
    asked = getattr(error, "seconds", None)
    if isinstance(asked, int | float):
        return float(asked)
    backoff = Backoff(settings.backoff_base, max(settings.backoff_base, 1.1), settings.backoff_max)
    return backoff.pause(attempt)


def next_tick(expression: str, now: float) -> int:
    """When a cron expression fires next after `now`; seconds since 1970."""
    from cronsim import CronSim

    return int(next(CronSim(expression, datetime.fromtimestamp(now, UTC))).timestamp())


def _measure(name: str, state: str, seconds: float) -> None:
    metrics.histogram("job_seconds", "Durations of jobs by how they ended", "job", "state").labels(
        name, state
    ).observe(seconds)


async def run_alone(
    jobs: Jobs,
    registry: Mapping[str, RegisteredJob],
    settings: JobsSettings,
    *,
    job_id: int,
    token: int,
    worker: str,
    began: Callable[[], None],
) -> None:
    """In a child process: run the one row that `worker` claimed for it, and write its ending.
    `began` is called just before the job's function is."""
    jobs.registry = registry
    claim = await jobs.ledger.take(worker, job_id, token)
    if claim is None:
        return
    job = Job(claim, jobs.ledger)
    began()
    task = asyncio.create_task(perform(registry[claim.name], job, settings), name=claim.name)
    watching = asyncio.create_task(_watch(job, task, worker), name="watch")
    try:
        ending = await task
    except asyncio.CancelledError:
        ending = Ending(claim.id, claim.token, "cancelled")
    finally:
        watching.cancel()
    if ending is not None:
        await jobs.ledger.finish(ending)
    await jobs.bell.flush()


async def _watch(job: Job, task: asyncio.Task[Any], worker: str) -> None:
    ledger = job._ledger  # noqa: SLF001 - the same room
    while True:
        await asyncio.sleep(LOOK_EVERY / 2)
        with contextlib.suppress(DatabaseError):
            report, job.report = job.report, None
            if report is not None:
                await ledger.progress([(job.id, job.claim.token, report)])
            if job.id in await ledger.asked_to_stop(worker):
                job.cancelled = True
                task.cancel()
                return
