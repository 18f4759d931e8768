"""Jobs: work that may take longer than a chat user should wait, or must not be lost.

    @job(timeout=60, attempts=3)
    async def store(ctx: Context, job: Job, file_id: int) -> None: ...

    await ctx.jobs.enqueue(store, {"file_id": 7}, user=user_id)

`enqueue` inserts a row into the ledger in the caller's transaction; the doorbell rings once that is
committed. A job runs at least once: it may be called again after an error, a time-out or the death
of its process. `job.finishing()` makes its effects happen once. See docs/jobs.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, overload

import orjson

from core import trace as tracing
from core.db.scope import Scope
from core.errors import JobError, LockedError
from core.jobs.ledger import (
    STATES,
    Claim,
    JobRow,
    Ledger,
    NewJob,
    Progress,
    State,
    WorkerRow,
)
from core.jobs.statements import STICKY
from core.log import new_trace, trace_id

if TYPE_CHECKING:
    from core.config import JobsSettings
    from core.db.database import Database
    from core.flags import Flags
    from core.host.plugin import Context
    from core.jobs.bell import Bell

__all__ = [
    "STATES",
    "Job",
    "JobCancelled",
    "JobRow",
    "JobSpec",
    "Jobs",
    "PluginJobs",
    "Priority",
    "Progress",
    "RegisteredJob",
    "Retry",
    "UpdateKey",
    "current_job",
    "job",
    "update_key",
]

MAX_ARGS = 1 << 20
"""Bytes of JSON that a job's arguments may have. Larger things belong in a table or a blob."""

# What JSON has no word for would come back as something else: refuse it.
_STRICT = (
    orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


class Priority(IntEnum):
    """Strict: while a worker finds a more urgent job, the others wait."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


class Retry(Exception):
    """Raised by a job: run it again in `delay` seconds. Counts as an attempt."""

    def __init__(self, delay: float = 0.0) -> None:
        super().__init__(f"retry in {delay:g} s")
        self.delay = delay


class JobCancelled(JobError):
    """Raised by `job.raise_if_cancelled()`; let it leave the function."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A function that workers may run, as `@job` makes it of one."""

    name: str
    fn: Callable[..., Any]
    """Called `fn(ctx, job, **args)`; a plain function runs in a thread of its own."""
    timeout: float | None = None
    """Seconds; None: `[jobs] timeout`."""
    attempts: int | None = None
    """None: `[jobs] attempts`."""
    priority: Priority = Priority.NORMAL
    cron: str | None = None
    """A cron expression in UTC. The function then takes no arguments but `ctx` and `job`."""
    cleans: bool = False
    """It ends what was begun for somebody, and runs even if the plugin is off for them by now."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The plain function, for tests and for calling it as a step of another."""
        return self.fn(*args, **kwargs)

    def check(self, args: Mapping[str, Any]) -> None:
        """Raises JobError if the function can't be called with these arguments."""
        try:
            inspect.signature(self.fn).bind(None, None, **args)
        except TypeError as error:
            raise JobError(
                f"Job {self.name} can't be called with {sorted(args)}: {error}",
                hint="arguments go by name; `ctx` and `job` come by themselves",
            ) from None


@overload
def job(fn: Callable[..., Any], /) -> JobSpec: ...
@overload
def job(
    *,
    name: str | None = None,
    timeout: float | None = None,
    attempts: int | None = None,
    priority: Priority = Priority.NORMAL,
    cron: str | None = None,
    cleans: bool = False,
) -> Callable[[Callable[..., Any]], JobSpec]: ...
def job(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    timeout: float | None = None,
    attempts: int | None = None,
    priority: Priority = Priority.NORMAL,
    cron: str | None = None,
    cleans: bool = False,
) -> Any:
    """Decorator: make a job of a function `(ctx, job, **args)`.

    `name` is the function's own if not given, and is unique within the plugin; rows in the ledger
    carry it, so renaming it strands them. A job of somebody for whom the plugin isn't on
    (`[features]`) is cancelled; one that `cleans` up after them runs. Raises JobError for a cron
    expression that is none.
    """
    if cron is not None:
        _check_cron(cron)

    def decorate(function: Callable[..., Any]) -> JobSpec:
        spec_name = name or str(getattr(function, "__name__", ""))
        return JobSpec(spec_name, function, timeout, attempts, priority, cron, cleans)

    return decorate if fn is None else decorate(fn)


def _check_cron(expression: str) -> None:
    from datetime import UTC, datetime

    from cronsim import CronSim, CronSimError

    try:
        CronSim(expression, datetime.now(UTC))
    except CronSimError as error:
        raise JobError(
            f"{expression!r} is no cron expression: {error}",
            hint="five fields: minute hour day month weekday, as in `*/5 * * * *`",
        ) from None


@dataclass(frozen=True, slots=True)
class RegisteredJob:
    """A plugin's job, and the context that its function is called with."""

    plugin_id: str
    spec: JobSpec
    context: Context | Any
    flags: Flags | None = None
    """Tells for whom the plugin is on."""

    def refuses(self, running: Job) -> str:
        """Why the plugin does nothing for those whose job it is, or an empty string."""
        if self.flags is None or self.spec.cleans:
            return ""
        user, chat = running.user, running.chat
        if user is None and chat is None and running.scope is not None:
            user, chat = running.scope.whom
        if self.flags.enabled(self.plugin_id, user, chat):
            return ""
        verdict = self.flags.explain(self.plugin_id, user, chat)
        return f"{self.plugin_id} is off for user {user} in chat {chat}: {verdict.why}"

    @property
    def name(self) -> str:
        """As rows carry it: `files.store`."""
        return f"{self.plugin_id}.{self.spec.name}"


@dataclass
class UpdateKey:
    """Which update a handler works on. Its enqueues get keys of it, so that an update that is
    handled twice queues its jobs once. `user` and `chat` become theirs if they name none."""

    bot_id: int
    update_id: int
    user: int | None = None
    chat: int | None = None
    _numbers: dict[str, int] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """The key of the next enqueue of this name."""
        number = self._numbers[name] = self._numbers.get(name, -1) + 1
        return f"{STICKY}update:{self.bot_id}:{self.update_id}:{name}:{number}"


update_key: ContextVar[UpdateKey | None] = ContextVar("update_key", default=None)
"""Set by intake around each handler."""

current_job: ContextVar[Job | None] = ContextVar("current_job", default=None)
"""The job that the running task works on."""


class Done:
    """Awaitable that is done: for methods that act at once and yet may be awaited."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


_DONE = Done()


class Job:
    """A running job, as its function sees it."""

    def __init__(self, claim: Claim, ledger: Ledger) -> None:
        self.id = claim.id
        self.name = claim.name
        self.args: Mapping[str, Any] = claim.args
        self.attempt = claim.attempt
        """From 1."""
        self.attempts = claim.attempts
        self.user = claim.user
        self.chat = claim.chat
        self.scope = Scope(claim.scope) if claim.scope else None
        self.trace = claim.trace
        self.claim = claim
        self.cancelled = False
        """Somebody asked it to stop; a plain function looks here, or calls raise_if_cancelled."""
        self.finished = False
        """`finishing()` has ended its row."""
        self.report: Progress | None = None
        """Progress that isn't written yet."""
        self._ledger = ledger
        self._keys: dict[str, int] = {}

    @property
    def is_last_attempt(self) -> bool:
        return self.attempt >= self.attempts

    def progress(self, done: int, total: int = 0, text: str = "") -> Done:
        """Say how far it is. Cheap: written about once a second, and seen by `jobs.get(id)`.

        May be awaited or not, and may be called from a job that is a plain function.
        """
        self.report = Progress(int(done), int(total), str(text or ""))
        return _DONE

    def raise_if_cancelled(self) -> Done:
        """Raises JobCancelled once somebody cancelled the job. May be awaited or not.

        An async job is cancelled at its next `await` anyway; a plain function has to ask.
        """
        if self.cancelled:
            raise JobCancelled(f"Job {self.id} ({self.name}) was cancelled")
        return _DONE

    @contextlib.asynccontextmanager
    async def finishing(self) -> AsyncIterator[None]:
        """A transaction that ends the job: what it writes and the job's end are committed together.

        So these effects happen exactly once, whatever dies when. Raises LockedError, and rolls
        back, if the job was given to another worker meanwhile. What comes after the block may
        happen never.
        """
        async with self._ledger.database.transaction(self.scope):
            yield
            # A single row, so the count is exact on both dialects.
            if not await self._ledger.finish_done([(self.claim.id, self.claim.token)]):
                raise LockedError(f"Job {self.id} ({self.name}) belongs to another worker by now")
        self.finished = True

    def key(self, name: str, args: bytes) -> str:
        """The key of a job that this one enqueues: the same again when it runs again."""
        digest = hashlib.blake2b(args, digest_size=12).hexdigest()
        seed = f"{name}:{digest}"
        number = self._keys[seed] = self._keys.get(seed, -1) + 1
        return f"{STICKY}job:{self.id}:{seed}:{number}"


class Jobs:
    """The deployment's jobs: enqueue, look, stop, replay."""

    def __init__(
        self, database: Database, settings: JobsSettings | None = None, bell: Bell | None = None
    ) -> None:
        """`bell`: of `core.jobs.bell.build`; by default the database itself carries the rings."""
        from core.jobs import bell as bells

        self.database = database
        self.ledger = Ledger(database)
        self.bell = bell or bells.for_database(database)
        self.registry: Mapping[str, RegisteredJob] = {}
        """What this process knows; the app sets it. Other names can be enqueued too."""
        self._default_attempts = settings.attempts if settings else 5

    async def enqueue(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        user: int | None = None,
        chat: int | None = None,
        priority: Priority | None = None,
        delay: float = 0.0,
        scope: Scope | None = None,
        attempts: int | None = None,
    ) -> int:
        """Queue a job in the current transaction; its id.

        `key`: while a job with it waits or runs, this enqueue gives that job's id and adds nothing.
        Without one, a handler's enqueues are keyed by the update and a job's by the job, so that
        repeating those repeats nothing. `user`: whose turn it takes (default: the update's, or the
        enqueueing job's). `delay`: seconds. Raises JobError for arguments that don't fit.
        """
        new = self._new(name, args or {}, key, user, chat, priority, delay, scope, attempts)
        _note(new)
        job_id, is_new = await self.ledger.insert(new)
        if is_new:
            self.ring(delay)
        return job_id

    async def enqueue_many(
        self,
        name: str,
        many: Sequence[Mapping[str, Any]],
        *,
        user: int | None = None,
        chat: int | None = None,
        priority: Priority | None = None,
        delay: float = 0.0,
        scope: Scope | None = None,
        attempts: int | None = None,
    ) -> None:
        """Queue a job for each element of `many`, its arguments, all or none of them."""
        new = [
            self._new(name, args, None, user, chat, priority, delay, scope, attempts)
            for args in many
        ]
        for one in new:
            _note(one)
        if new:
            await self.ledger.insert_many(new)
            self.ring(delay)

    def ring(self, delay: float = 0.0) -> None:
        """Wake the workers once the current transaction is committed."""
        self.database.on_commit(lambda: self.bell.ring(delay))

    async def get(self, job: int) -> JobRow | None:
        return await self.ledger.get(job)

    async def find(
        self, *, state: State | None = None, name: str | None = None, limit: int = 50
    ) -> list[JobRow]:
        """The newest first."""
        return await self.ledger.find(state=state, name=name, limit=limit)

    async def counts(self) -> dict[State, int]:
        return await self.ledger.counts()

    async def workers(self) -> list[WorkerRow]:
        """The live worker processes."""
        return await self.ledger.workers()

    async def cancel(self, job: int) -> bool:
        """Stop a job: at once if it waits, within 2 s if it runs. False: it had ended."""
        outcome = await self.ledger.cancel(job)
        if outcome == "asked":
            self.database.on_commit(self.bell.ring_stop)
            await self._deliver()
        return outcome is not None

    async def retry(self, job: int) -> bool:
        """Queue a dead or cancelled job again, with all its attempts. False: it is neither."""
        replayed = await self.ledger.replay(job)
        if replayed:
            self.ring()
            await self._deliver()
        return replayed

    async def retry_dead(self, name: str | None = None) -> int:
        """Queue all dead letters again, or those of one name; how many."""
        number = await self.ledger.replay_dead(name)
        if number:
            self.ring()
            await self._deliver()
        return number

    async def reset_stuck(self) -> list[JobRow]:
        """Take the jobs of workers that died; those, as they are now. What live workers have in
        hand is theirs. Running workers do this every `[jobs] reconcile` seconds."""
        found = await self.ledger.reconcile()
        if found.again:
            self.ring()
            await self._deliver()
        return found.jobs

    async def _deliver(self) -> None:
        """The command line may end right after: don't leave with the ring unsent."""
        if self.database.current is None:
            await self.bell.flush()

    def _new(
        self,
        name: str,
        args: Mapping[str, Any],
        key: str | None,
        user: int | None,
        chat: int | None,
        priority: Priority | None,
        delay: float,
        scope: Scope | None,
        attempts: int | None,
    ) -> NewJob:
        registered = self.registry.get(name)
        spec = registered.spec if registered else None
        if spec is not None:
            spec.check(args)
        payload = _json(name, args)
        update, parent = update_key.get(), current_job.get()
        if parent is not None:
            key = key or parent.key(name, payload)
            user = parent.user if user is None else user
            chat = parent.chat if chat is None else chat
            scope = scope or parent.scope
        elif update is not None:
            key = key or update.key(name)
            user = update.user if user is None else user
            chat = update.chat if chat is None else chat
        if priority is None:
            priority = spec.priority if spec else Priority.NORMAL
        return NewJob(
            name=name,
            args=payload.decode(),
            attempts=attempts or (spec.attempts if spec else None) or self._default_attempts,
            priority=int(priority),
            delay=float(delay),
            key=key,
            user=user,
            chat=chat,
            scope=scope.key if scope else None,
            trace=_trace(),
        )


class PluginJobs:
    """A plugin's own face of `Jobs`: names and keys are its own."""

    def __init__(self, plugin_id: str, jobs: Jobs) -> None:
        self.plugin_id = plugin_id
        self.all = jobs
        """The deployment's jobs, for overviews."""

    async def enqueue(
        self,
        job: JobSpec | str,
        args: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        user: int | None = None,
        chat: int | None = None,
        priority: Priority | None = None,
        delay: float = 0.0,
        scope: Scope | None = None,
    ) -> int:
        """As `Jobs.enqueue`; `job` is the plugin's own, as decorated or by its name, and `key` is
        the plugin's own too."""
        return await self.all.enqueue(
            self._name(job, [args or {}]),
            args,
            key=self._key(key),
            user=user,
            chat=chat,
            priority=self._priority(job, priority),
            delay=delay,
            scope=scope,
            attempts=job.attempts if isinstance(job, JobSpec) else None,
        )

    async def enqueue_many(
        self,
        job: JobSpec | str,
        many: Sequence[Mapping[str, Any]],
        *,
        user: int | None = None,
        chat: int | None = None,
        priority: Priority | None = None,
        delay: float = 0.0,
        scope: Scope | None = None,
    ) -> None:
        """As `Jobs.enqueue_many`."""
        await self.all.enqueue_many(
            self._name(job, many),
            many,
            user=user,
            chat=chat,
            priority=self._priority(job, priority),
            delay=delay,
            scope=scope,
            attempts=job.attempts if isinstance(job, JobSpec) else None,
        )

    async def get(self, job: int) -> JobRow | None:
        return await self.all.get(job)

    async def cancel(self, job: int) -> bool:
        return await self.all.cancel(job)

    async def counts(self) -> dict[State, int]:
        return await self.all.counts()

    def _name(self, job: JobSpec | str, many: Sequence[Mapping[str, Any]]) -> str:
        if isinstance(job, str):
            return f"{self.plugin_id}.{job}"
        for args in many:
            job.check(args)
        return f"{self.plugin_id}.{job.name}"

    def _key(self, key: str | None) -> str | None:
        return None if key is None else f"{self.plugin_id}:{key}"

    @staticmethod
    def _priority(job: JobSpec | str, priority: Priority | None) -> Priority | None:
        return job.priority if priority is None and isinstance(job, JobSpec) else priority


def _json(name: str, args: Mapping[str, Any]) -> bytes:
    try:
        payload = orjson.dumps(dict(args), option=_STRICT)
    except TypeError as error:
        raise JobError(
            f"The arguments of job {name} can't be kept as JSON: {error}",
            hint="pass ids, numbers, texts, lists and dicts; times as seconds or ISO text",
        ) from None
    if len(payload) > MAX_ARGS:
        raise JobError(
            f"The arguments of job {name} have {len(payload)} bytes, at most {MAX_ARGS} are kept",
            hint="keep the data in a table or a blob, and pass its id",
        )
    return payload


def _note(new: NewJob) -> None:
    """A job that an update's handler queues is part of what happened about the update."""
    if (trace := tracing.current()) is not None:
        trace.queued(new.name, new.args)


def _trace() -> str:
    """The caller's trace goes on in the job; without one, a new one starts there."""
    current = trace_id.get()
    if current:
        return current
    token = trace_id.set("")
    try:
        return new_trace()
    finally:
        trace_id.reset(token)


async def call(registered: RegisteredJob, running: Job) -> None:
    """Run a job's function to its end: on the loop, or in a thread of its own if it is a plain one.

    A thread can't be stopped: after a time-out it runs on, unheard. It is a daemon of its own, so
    that it neither takes a place from others nor holds up the process's exit.
    """
    function = registered.spec.fn
    if inspect.iscoroutinefunction(function):
        await function(registered.context, running, **running.args)
        return
    await in_thread(lambda: function(registered.context, running, **running.args), running.name)


async def in_thread(work: Callable[[], Any], name: str) -> Any:
    """Run a plain function in a new daemon thread, in the caller's context."""
    import contextvars
    import threading

    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if isinstance(error, StopIteration):  # which a future can't hold
            future.set_exception(RuntimeError(repr(error)))
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def body() -> None:
        result, failure = None, None
        try:
            result = context.run(work)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=body, name=f"job-{name}", daemon=True).start()
    return await future
