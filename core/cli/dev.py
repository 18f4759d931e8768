"""`plugram dev`: the bot in the playground, restarted when its code changes.

Three processes: this one watches files; the playground keeps the conversation; the host
(`core.cli.dev_host`) has the libraries imported and forks the bot.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from core import config
from core.cli import terminal
from core.cli.dev_host import OURS, die_with_parent
from core.config import Settings
from core.errors import ConfigError, PlugramError
from core.sources import ROOT

WATCHED = tuple(ROOT / name for name in ("core", "plugins", "plugram", "settings"))
# Of the root only these: the data folder and the virtual environment change all the time.
_SETTINGS = ("settings.toml", "settings.local.toml", ".secrets.toml", ".secrets.local.toml", ".env")
_SUFFIXES = (".py", ".toml", ".ftl", ".sql", ".html", ".js", ".css", ".j2")
# What the host itself consists of; a change there needs a new host.
_COLD = tuple(ROOT / "core" / name for name in ("aio.py", "dev_host.py"))

_STOPPED = (0, -signal.SIGTERM, 128 + signal.SIGTERM)
"""How a bot ends that was told to: the last when its work took too long to wait for."""

START_TIMEOUT = 30.0
"""Seconds for the playground to answer."""


def develop(*, port: int, live: bool, safe_mode: bool) -> int:
    """Runs until Ctrl-C; the exit status. `live` uses the deployment's token and Bot API server."""
    if not hasattr(os, "fork"):
        raise PlugramError(
            "plugram dev needs fork, which this system lacks",
            hint="start `python -m playground` and `plugram run` by hand",
        )
    try:
        import watchfiles  # noqa: F401
    except ImportError:
        raise PlugramError(
            "plugram dev watches files with watchfiles", hint="pip install 'plugram[playground]'"
        ) from None
    environment = os.environ.get("PLUGRAM_ENV") or "development"
    settings = config.read(environment=environment).settings
    if live and (missing := config.required(settings)):
        raise ConfigError(missing)
    return asyncio.run(_Session(settings, environment, port, live, safe_mode).run())


class _Session:
    """All that runs between start and Ctrl-C."""

    def __init__(
        self, settings: Settings, environment: str, port: int, live: bool, safe_mode: bool
    ) -> None:
        self._settings = settings
        self._port = port
        self._live = live
        self._spec: dict[str, Any] = {
            "environment": environment,
            "overrides": {"jobs.in_process": "always", "redis.url": "", "database.url": ""},
            "safe_mode": safe_mode,
        }
        self._playground: Process | None = None
        self._host: Process | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop_asked = asyncio.Event()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self._stopping)
        try:
            await self._start_host()  # it imports while the playground starts
            if not self._live:
                await self._start_playground()
            self._command(do="start", spec=self._spec)
            self._spawn(self._watch())
            await self._stop_asked.wait()
        finally:
            self._stop_asked.set()
            await self._stop()
        return 0

    def _stopping(self) -> None:
        if self._stop_asked.is_set():  # asked twice: at once
            for process in (self._host, self._playground):
                if process:
                    with suppress(ProcessLookupError):
                        process.kill()
        self._stop_asked.set()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- playground

    async def _start_playground(self) -> None:
        port = _free(self._port)
        base = f"http://127.0.0.1:{port}"
        data = self._settings.data_dir / "playground"
        data.mkdir(parents=True, exist_ok=True)
        self._playground = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "playground", "--port", str(port), "--strict-port"),
            *("--data", str(data)),
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        token = await self._token(base)
        self._spec["overrides"] |= {"bot.token": token, "bot.api_base": base}
        people = await asyncio.to_thread(_get, f"{base}/control/users")
        if people and self._settings.bot.owner is None:
            # So that what only the owner may do can be tried.
            self._spec["overrides"]["bot.owner"] = people[0]["id"]
        terminal.say(f"Playground: {base}/")
        sys.stdout.flush()
        self._spawn(self._mourn_playground(self._playground))

    async def _token(self, base: str) -> str:
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT
        while asyncio.get_running_loop().time() < deadline:
            if self._playground and self._playground.returncode is not None:
                break
            bots = await asyncio.to_thread(_get, f"{base}/control/bots")
            if bots:
                return str(bots[0]["token"])
            await asyncio.sleep(0.05)
        raise PlugramError(
            "The playground didn't start", hint="its own words are above; python -m playground"
        )

    async def _mourn_playground(self, process: Process) -> None:
        await process.wait()
        if not self._stop_asked.is_set():
            terminal.put_warning("the playground has ended; stop and start plugram dev")

    # -- host

    async def _start_host(self) -> None:
        read, write = os.pipe()
        self._host = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "core.cli.dev_host", str(write)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            pass_fds=[write],
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        os.close(write)
        self._spawn(self._listen(read))

    def _command(self, **command: Any) -> None:
        if self._host and self._host.stdin:
            self._host.stdin.write(json.dumps(command).encode() + b"\n")

    async def _listen(self, read: int) -> None:
        reader = asyncio.StreamReader(limit=1 << 22)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb")
        )
        while line := await reader.readline():
            event = json.loads(line)
            if event["event"] == "modules":
                self._command(do="warm", modules=event["modules"])
            elif event["event"] == "exited" and event["code"] not in _STOPPED:
                terminal.say(
                    f"The bot ended with status {event['code']}; waiting for a change.", error=True
                )

    async def _stop(self) -> None:
        for process, patience in ((self._host, 5.0), (self._playground, 3.0)):
            if process is None or process.returncode is not None:
                continue
            if process.stdin:
                process.stdin.close()  # the host stops its bot, then itself
            else:
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), patience)
            except TimeoutError:
                process.kill()
                await process.wait()
        for task in self._tasks:
            task.cancel()

    # -- changes

    async def _watch(self) -> None:
        folders = [*WATCHED, *self._settings.plugins.paths]
        async for changed in _changes(folders, self._settings.root):
            wrong = [text for path in sorted(changed) if (text := syntax_error(path))]
            if wrong:
                for text in wrong:
                    terminal.say(text, error=True)
                terminal.say("Not restarted; waiting for the next change.", error=True)
                continue
            names = ", ".join(sorted(_short(path) for path in changed))
            terminal.say(f"Changed: {names}; restarting.", error=True)
            if any(path in _COLD for path in changed):
                await self._renew_host()
            self._command(do="start", spec=self._spec)

    async def _renew_host(self) -> None:
        old, self._host = self._host, None
        if old and old.stdin:
            old.stdin.close()
            await old.wait()
        await self._start_host()


def _free(port: int) -> int:
    """The port, or a free one if it is taken."""
    for candidate in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise PlugramError("There is no free port on 127.0.0.1")


def _get(url: str) -> Any:
    """The JSON behind a loopback URL, or None while nobody answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None


async def _changes(folders: Sequence[Path], root: Path) -> AsyncIterator[set[Path]]:
    """Sets of changed files. Folders are watched with all below them, the root alone."""
    from watchfiles import awatch

    found: asyncio.Queue[set[Path]] = asyncio.Queue()

    async def follow(paths: Collection[Path], *, deep: bool) -> None:
        async for batch in awatch(
            *paths, watch_filter=None, recursive=deep, debounce=400, step=40, rust_timeout=1000
        ):
            changed = {Path(name) for _, name in batch}
            wanted = {path for path in changed if (_is_code if deep else _is_settings)(path)}
            if wanted:
                found.put_nowait(wanted)

    existing = [path for path in folders if path.exists()]
    async with asyncio.TaskGroup() as group:
        group.create_task(follow(existing, deep=True))
        group.create_task(follow([root], deep=False))
        while True:
            changed = await found.get()
            while not found.empty():
                changed |= found.get_nowait()
            yield changed


def _is_code(path: Path) -> bool:
    return path.suffix in _SUFFIXES and "__pycache__" not in path.parts


def _is_settings(path: Path) -> bool:
    return path.name in _SETTINGS


def syntax_error(path: Path) -> str:
    """`file:line: message` for Python that can't be compiled; else nothing."""
    if path.suffix != ".py" or not path.is_file():
        return ""
    try:
        compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"{_short(path)}:{error.lineno}: {error.msg}"
    except ValueError as error:  # null bytes
        return f"{_short(path)}: {error}"
    return ""


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


__all__ = ["OURS", "develop", "syntax_error"]
