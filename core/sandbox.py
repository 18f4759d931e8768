"""Runs a processor on one file in a child process with limits; a bad file costs that child alone.

A forkserver (`core.cage.forkserver`) starts with the first file, imports the processors' libraries
once and forks a fresh child for each file, so a file costs about two milliseconds beside its own
work. Nothing here blocks the event loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import orjson

from core.cage import probe
from core.cage.forkserver import VERDICT, send_request
from core.cage.limits import LIMITED, REASONS, Limits, beyond
from core.errors import PlugramError, SandboxRefused
from core.host.roles import Extraction, Processor, Section
from core.log import get_logger

log = get_logger("sandbox")

_CHUNK = 1 << 16
_GRACE = 5.0
"""Seconds beyond the wall limit after which the parent itself is given up."""
_INLINE_PARSE = 1 << 20
"""Results above this many bytes are parsed in a thread."""
_STARTED_AFRESH = 2
"""Tries of a run when the parent is found dead."""
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
_PROCESSES = 32
"""Processes and threads of a child that starts programs."""
_PLAIN = (str, int, float, bool)
_JPEG = b"\xff\xd8\xff"
_LARGEST_THUMBNAIL = 1 << 18
"""Bytes; 320 × 320 pixels of noise are a fifth of it."""


class SandboxSettings(Protocol):
    """The section `[sandbox]`."""

    @property
    def memory_mb(self) -> int: ...
    @property
    def cpu_seconds(self) -> int: ...
    @property
    def wall_seconds(self) -> float: ...
    @property
    def max_memory_mb(self) -> int: ...
    @property
    def max_cpu_seconds(self) -> int: ...
    @property
    def max_wall_seconds(self) -> float: ...
    @property
    def output_mb(self) -> int: ...
    @property
    def unpacked_mb(self) -> int: ...
    @property
    def archive_ratio(self) -> int: ...
    @property
    def archive_entries(self) -> int: ...
    @property
    def archive_depth(self) -> int: ...
    @property
    def concurrency(self) -> int: ...


class HasSandbox(Protocol):
    """Settings, as far as the sandbox reads them."""

    @property
    def sandbox(self) -> SandboxSettings: ...


class ParentLost(PlugramError):
    """The sandbox's parent process died or doesn't answer; the file isn't to blame."""


class Sandbox:
    """One forkserver per process, started at the first `run`."""

    def __init__(self, settings: HasSandbox) -> None:
        section = self._section = settings.sandbox
        self._slots = asyncio.Semaphore(section.concurrency or os.cpu_count() or 1)
        self._parent: _Parent | None = None
        self._looked = False

    async def run(
        self,
        processor: Processor,
        path: Path,
        limits: Limits | None = None,
        *,
        resume: Mapping[str, Any] | None = None,
    ) -> Extraction:
        """Read one file. At most `[sandbox] concurrency` files at a time, the others wait.

        `resume`: what an earlier run of the same file left for this one.

        Raises SandboxRefused when the file breaks a limit or can't be read, ParentLost when the
        sandbox itself can't work.
        """
        if not self._looked:
            self._looked = True
            await self._warn()
        return await self._read(processor, path, limits, resume)

    async def _warn(self) -> None:
        """Once: what this kernel doesn't keep a file from."""
        missing = [name for name, stands in (await self.walls()).items() if not stands]
        if missing:
            log.warning(
                "the sandbox lacks walls on this system",
                missing=missing,
                hint="plugram doctor, docs/sandbox.md",
            )

    async def _read(
        self,
        processor: Processor,
        path: Path,
        limits: Limits | None = None,
        resume: Mapping[str, Any] | None = None,
    ) -> Extraction:
        limits = limits or self.limits_of(processor)
        async with self._slots:
            outcome = await self._run(_request(processor, path, limits, resume), limits)
        if len(outcome.body) < _INLINE_PARSE:
            return _extraction(outcome, limits)
        return await asyncio.to_thread(_extraction, outcome, limits)

    def limits_of(self, processor: Processor) -> Limits:
        """The usual ones of `[sandbox]`; a processor that asks for more gets it, up to `max_…`.
        Raising the usual ones always helps: they are what everybody gets at least."""
        section = self._section
        return Limits(
            memory_mb=max(section.memory_mb, min(processor.memory_mb or 0, section.max_memory_mb)),
            cpu_seconds=max(
                section.cpu_seconds, min(processor.cpu_seconds or 0, section.max_cpu_seconds)
            ),
            wall_seconds=max(
                section.wall_seconds, min(processor.wall_seconds or 0, section.max_wall_seconds)
            ),
            output_mb=section.output_mb,
            unpacked_mb=section.unpacked_mb,
            archive_ratio=section.archive_ratio,
            archive_entries=section.archive_entries,
            archive_depth=section.archive_depth,
            processes=_PROCESSES if processor.programs else 0,
            write_mb=section.unpacked_mb if processor.programs else 0,
        )

    async def walls(self) -> dict[str, bool]:
        """Wall (a name in `core.cage.probe.PROMISES`) → whether it stands, found out by trying.

        Raises ParentLost, SandboxRefused if not even that works."""
        processor = Processor("walls", [], "core.cage.probe:look")
        seen = (await self._read(processor, Path(__file__))).metadata
        return {name: seen.get(name) is True for name in probe.PROMISES}

    async def close(self) -> None:
        """End the parent and, with it, every child."""
        parent, self._parent = self._parent, None
        if parent is not None:
            await asyncio.to_thread(parent.stop)

    @property
    def pid(self) -> int | None:
        """Process id of the parent, None while there is none."""
        return self._parent.pid if self._parent else None

    async def _run(self, request: dict[str, Any], limits: Limits) -> _Outcome:
        for left in reversed(range(_STARTED_AFRESH)):
            parent = self._living()
            try:
                return await parent.run(request, limits)
            except ParentLost:
                await self._give_up(parent)
                if not left:
                    raise
                log.warning("sandbox parent lost, starting another", parent=parent.pid)
        raise AssertionError("unreachable")

    def _living(self) -> _Parent:
        """Starting it takes a millisecond (vfork); it loads its libraries while we wait for it."""
        if self._parent is not None and not self._parent.alive:
            self._parent.stop()
            self._parent = None
        if self._parent is None:
            self._parent = _Parent()
        return self._parent

    async def _give_up(self, parent: _Parent) -> None:
        if self._parent is parent:
            self._parent = None
        await asyncio.to_thread(parent.stop)


def _request(
    processor: Processor, path: Path, limits: Limits, resume: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {
        "target": processor.target,
        "preload": list(processor.preload),
        "programs": list(processor.programs),
        "path": str(path.absolute()),
        "limits": asdict(limits)
        | {"options": dict(processor.options)}
        | ({"resume": dict(resume)} if resume is not None else {}),
    }


@dataclass(frozen=True, slots=True)
class _Outcome:
    body: bytes
    status: int
    cpu: float
    wall: float
    peak_kib: int
    stopped: str
    """Why its parent stopped it, or `output` if we did."""


class _Parent:
    """The forkserver seen from its owner."""

    def __init__(self) -> None:
        self._door, theirs = socket.socketpair()
        with theirs:
            # Its own session: Ctrl-C in the operator's terminal is for the owner to act on.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "core.cage.forkserver", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_bare_environment(),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Blocks for at most about 2 s."""
        self._door.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    async def run(self, request: dict[str, Any], limits: Limits) -> _Outcome:
        control, result = self._knock(request)
        try:
            async with asyncio.timeout(limits.wall_seconds + _GRACE):
                body, too_long = await _read_all(result, limits.output_mb << 20)
                if too_long:
                    return _Outcome(b"", 0, 0, 0, 0, "output")
                verdict, _ = await _read_all(control, VERDICT.size)
        except TimeoutError:
            raise ParentLost("the sandbox's parent process doesn't answer") from None
        finally:
            control.close()
            result.close()
        if len(verdict) != VERDICT.size:
            raise ParentLost("the sandbox's parent process died")
        status, cpu, wall, peak, stopped = VERDICT.unpack(verdict)
        if status == -1:
            raise ParentLost(
                "the sandbox can't start a child process",
                hint="the machine is out of memory or of process slots",
            )
        return _Outcome(body, status, cpu, wall, peak, stopped.rstrip(b"\0").decode())

    def _knock(self, request: dict[str, Any]) -> tuple[socket.socket, socket.socket]:
        """Hand two socket ends to the parent; the request is in its buffer before it looks."""
        control, their_control = socket.socketpair()
        result, their_result = socket.socketpair()
        with their_control, their_result:
            try:
                send_request(control, request)
                fds = [their_control.fileno(), their_result.fileno()]
                socket.send_fds(self._door, [b"!"], fds)
            except OSError as error:
                control.close()
                result.close()
                raise ParentLost(f"the sandbox's parent process is away: {error}") from None
        control.setblocking(False)
        result.setblocking(False)
        return control, result


async def _read_all(sock: socket.socket, most: int) -> tuple[bytes, bool]:
    """Until the other side closes, or until there is more than `most` bytes: (bytes, too long)."""
    loop = asyncio.get_running_loop()
    parts: list[bytes] = []
    size = 0
    while True:
        try:
            part = await loop.sock_recv(sock, _CHUNK)
        except ConnectionError:
            part = b""
        if not part:
            return b"".join(parts), False
        size += len(part)
        if size > most:
            return b"", True
        parts.append(part)


def _bare_environment() -> dict[str, str]:
    """No token, no database address: the parent of hostile files knows nothing worth stealing."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    # Threads that a library starts at import wouldn't survive the fork.
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    home = str(Path(__file__).parents[1])
    path = os.pathsep.join([home, *(entry or str(Path.cwd()) for entry in sys.path)])
    return kept | single | {"PYTHONPATH": path}


# -- what came back -------------------------------------------------------------------------------


def _extraction(outcome: _Outcome, limits: Limits) -> Extraction:
    if outcome.stopped:
        raise _refused(outcome.stopped, limits)
    answer = _answer(outcome.body)
    if answer is None:
        raise _refused(_cause_of_death(outcome, limits), limits)
    if "refused" in answer:
        reason = answer["refused"] if answer["refused"] in REASONS else "corrupt"
        limit = str(answer.get("limit", "")).removeprefix("sandbox.")
        raise _refused(reason, limits, str(answer.get("message", "")), limit)
    return _parsed(answer["ok"])


def _answer(body: bytes) -> dict[str, Any] | None:
    """None when the child was stopped before it said all."""
    with contextlib.suppress(orjson.JSONDecodeError):
        answer = orjson.loads(body)
        if isinstance(answer, dict) and ("ok" in answer or "refused" in answer):
            return answer
    return None


def _cause_of_death(outcome: _Outcome, limits: Limits) -> str:
    """From the wait status. SIGKILL that we didn't send is the kernel's: out of memory."""
    killer = os.WTERMSIG(outcome.status) if os.WIFSIGNALED(outcome.status) else 0
    if killer == signal.SIGXCPU or (killer and outcome.cpu >= limits.cpu_seconds):
        return "cpu"
    if killer == signal.SIGKILL:
        return "memory"
    # C libraries answer a refused allocation with a crash.
    nearly_full = outcome.peak_kib >= (limits.memory_mb << 10) * 0.6
    return "memory" if nearly_full else "crash"


_SENTENCES = {
    "crash": "the library that reads this kind of file crashed",
    "unsafe": "the file is built to do harm",
    "corrupt": "the file can't be read",
    "encrypted": "the file is protected by a password",
    "empty": "the file is empty",
    "unsupported": "this kind of file isn't supported",
}
_LIMIT_OF = {
    "memory": "memory_mb",
    "cpu": "cpu_seconds",
    "wall": "wall_seconds",
    "output": "output_mb",
    "unpacked": "unpacked_mb",
}


def _refused(reason: str, limits: Limits, detail: str = "", limit: str = "") -> SandboxRefused:
    limit = limit if limit in LIMITED else _LIMIT_OF.get(reason, "")
    if limit:
        return beyond(reason, limit, asdict(limits), detail)
    sentence = _SENTENCES[reason]
    return SandboxRefused(f"{sentence}: {detail}" if detail else sentence, reason=reason)


def _parsed(raw: Any) -> Extraction:
    """A child may have been taken over by its file: believe nothing but plain values."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("sections"), list):
        raise SandboxRefused("the processor's answer isn't an extraction", reason="corrupt")
    return Extraction(
        sections=[_section(item) for item in raw["sections"] if isinstance(item, Mapping)],
        metadata=_plain(raw.get("metadata")),
        language=_text(raw.get("language")),
        warnings=[_text(item) for item in raw.get("warnings") or ()],
        thumbnail=_jpeg(raw.get("thumbnail")),
        resume=_plain(raw["resume"]) if isinstance(raw.get("resume"), Mapping) else None,
    )


def _jpeg(raw: Any) -> bytes:
    """Base64 of a JPEG, or nothing."""
    with contextlib.suppress(ValueError, TypeError):
        data = base64.b64decode(raw or "", validate=True)
        if data.startswith(_JPEG) and len(data) <= _LARGEST_THUMBNAIL:
            return data
    return b""


def _section(raw: Mapping[str, Any]) -> Section:
    return Section(
        text=_text(raw.get("text")),
        locator=_plain(raw.get("locator")),
        heading=_text(raw.get("heading")),
    )


def _plain(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        return {}
    return {
        str(key): _text(value) if isinstance(value, str) else value
        for key, value in raw.items()
        if isinstance(value, _PLAIN)
    }


def _text(raw: Any) -> str:
    """Without NUL, which PostgreSQL can't keep."""
    return raw.replace("\x00", "") if isinstance(raw, str) else ""
