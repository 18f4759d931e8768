"""Runs single jobs in child processes, for jobs that were running when a worker died.

A parent process (`python -m core.jobs.alone MODULE:FUNCTION ARGUMENTS`) imports the application
once, before any loop or thread exists, and forks one child per job: 20 ms instead of the seconds
that importing takes. It speaks in lines: `run ID TOKEN WORKER` and `kill ID` come in; `ready`,
`began ID` and `end ID STATUS` go out. It and its children die with their owner.

FUNCTION is called once, in the parent, with the arguments, and returns what each child then runs:
`async (job_id, token, worker, began) -> None`, where `began()` says that the job's own code comes
next. What happens before that is no fault of the job.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import select
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from core.errors import JobError, PlugramError
from core.jobs import orphans

RunOne = Callable[[int, int, str, Callable[[], None]], Awaitable[None]]

IDLE = 60.0
"""Seconds that the parent process stays for the next job."""
NOT_NOW = 75
"""Exit status of a child that couldn't work for no fault of its job: the database is away, …"""
_START = 60.0
"""Seconds for the parent process to import the application, and for a child to open it."""
_PR_SET_PDEATHSIG = 1


class _Run:
    """A child process, as its owner hears of it."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.began = False
        self.moved = loop.create_future()
        """Done when it began, or ended."""
        self.end: asyncio.Future[int] = loop.create_future()

    def begin(self) -> None:
        self.began = True
        self._move()

    def finish(self, status: int) -> None:
        if not self.end.done():
            self.end.set_result(status)
        self._move()

    def fail(self, error: JobError) -> None:
        if not self.end.done():
            self.end.set_exception(error)
        self._move()

    def _move(self) -> None:
        if not self.moved.done():
            self.moved.set_result(None)


class Alone:
    """The owner's side. `factory`: dotted name, `core.app:alone`; `arguments` are for it."""

    def __init__(self, factory: str, *arguments: str) -> None:
        self._factory = factory
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._runs: dict[int, _Run] = {}
        self._idle: asyncio.TimerHandle | None = None

    async def run(self, job_id: int, token: int, worker: str, limit: float) -> int:
        """Run a job that `worker` has claimed and wait for its process to end: 0, its exit status,
        or minus the signal that killed it; NOT_NOW too if it failed before the job began. Raises
        TimeoutError if it hasn't ended `limit` seconds after that, JobError if there can be no such
        process. It is killed then, and when this is cancelled."""
        process = await self._parent()
        run = self._runs[job_id] = _Run()
        try:
            self._write(process, f"run {job_id} {token} {worker}")
            await _began(run)
            async with asyncio.timeout(limit):
                status = await run.end
            return status if run.began or not status else NOT_NOW
        except BaseException:
            with contextlib.suppress(JobError):
                self._write(process, f"kill {job_id}")
            raise
        finally:
            self._runs.pop(job_id, None)
            self._rest()

    async def close(self) -> None:
        """Kill what runs, and end."""
        process, self._process = self._process, None
        if self._idle is not None:
            self._idle.cancel()
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # which tells it to end
        try:
            async with asyncio.timeout(2):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading

    async def _parent(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._idle is not None:
                self._idle.cancel()
                self._idle = None
            if self._process is None:
                self._process = await self._start()
            return self._process

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "core.jobs.alone", self._factory, *self._arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        ready = b""
        if process.stdout is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_START):
                    ready = await process.stdout.readline()
        if ready != b"ready\n":
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise JobError(
                f"The process for jobs that run alone didn't start: {self._factory}",
                hint="its error is in the log above",
            )
        self._reading = asyncio.create_task(self._read(process), name="alone")
        return process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout is not None and (line := await process.stdout.readline()):
            what, job_id, *status = line.split()
            run = self._runs.get(int(job_id))
            if run is not None and what == b"began":
                run.begin()
            elif run is not None:
                run.finish(int(status[0]))
        await process.wait()
        if self._process is process:
            self._process = None
        for run in self._runs.values():
            run.fail(JobError("The process for jobs that run alone ended"))

    def _write(self, process: asyncio.subprocess.Process, line: str) -> None:
        if process.stdin is None or process.stdin.is_closing():
            raise JobError("The process for jobs that run alone ended")
        process.stdin.write(line.encode() + b"\n")

    def _rest(self) -> None:
        """Let the parent process go when nobody needed it for a while."""
        if self._runs or self._process is None:
            return
        stdin = self._process.stdin
        if stdin is not None:
            self._idle = asyncio.get_running_loop().call_later(IDLE, stdin.close)


async def _began(run: _Run) -> None:
    try:
        async with asyncio.timeout(_START):
            await run.moved
    except TimeoutError:
        raise JobError(f"A job's own process didn't get to the job within {_START:g} s") from None


# -- the parent process -------------------------------------------------------------------------


def main(factory: str, *arguments: str) -> None:
    """Until standard input ends."""
    _die_with_parent(os.getppid())
    # What plugins print must not get among our lines.
    lines = os.dup(1)
    os.dup2(2, 1)
    module, _, name = factory.partition(":")
    run_one: RunOne = getattr(import_module(module), name)(*arguments)
    gc.collect()
    gc.freeze()  # children share these pages as long as nobody counts on them
    os.write(lines, b"ready\n")
    _Parent(lines, run_one).serve()


class _Parent:
    def __init__(self, lines: int, run_one: RunOne) -> None:
        self._lines = lines
        self._run_one = run_one
        self._children: dict[int, int] = {}
        """Job id by process id."""
        self._wake, wakes = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for stop in (signal.SIGINT, signal.SIGTERM):  # the owner drains; it closes our input then
            signal.signal(stop, signal.SIG_IGN)

    def serve(self) -> None:
        rest = b""
        while True:
            readable, _, _ = select.select([0, self._wake], [], [])
            if self._wake in readable:
                os.read(self._wake, 4096)
                self._reap()
            if 0 in readable:
                data = os.read(0, 65536)
                if not data:
                    break
                *found, rest = (rest + data).split(b"\n")
                for line in found:
                    self._obey(line.decode().split())
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _obey(self, words: list[str]) -> None:
        match words:
            case ["run", job_id, token, worker]:
                self._fork(int(job_id), int(token), worker)
            case ["kill", job_id]:
                for pid, running in self._children.items():
                    if running == int(job_id):
                        os.kill(pid, signal.SIGKILL)

    def _fork(self, job_id: int, token: int, worker: str) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._children[pid] = job_id
            return
        self._be_child(parent, job_id, token, worker)

    def _be_child(self, parent: int, job_id: int, token: int, worker: str) -> NoReturn:
        status = 1
        try:
            _die_with_parent(parent)
            _die_first()
            signal.set_wakeup_fd(-1)
            # Ctrl-C and SIGTERM to the whole group stay ignored: the owner decides.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

            def began() -> None:
                os.write(self._lines, f"began {job_id}\n".encode())
                os.close(self._lines)  # not for the job, nor for whom it forks

            async def work() -> None:
                await self._run_one(job_id, token, worker, began)

            asyncio.run(work())
            status = 0
        except BaseException as error:  # noqa: BLE001 - this process ends here, whatever it was
            status = NOT_NOW if isinstance(error, PlugramError) else 1
            traceback.print_exc()
        finally:
            orphans.end()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            job_id = self._children.pop(pid, None)
            if job_id is not None:
                code = os.waitstatus_to_exitcode(status)
                os.write(self._lines, f"end {job_id} {code}\n".encode())


def _die_with_parent(parent: int) -> None:
    """Ask the kernel for it, where it can; the closed input tells the parent process elsewhere."""
    if sys.platform == "linux":
        libc: Any = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("its owner is gone")


def _die_first() -> None:
    """Where memory runs out, the kernel takes this process rather than its worker."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


if __name__ == "__main__":
    main(*sys.argv[1:])
