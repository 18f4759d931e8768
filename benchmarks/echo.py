"""What an echoed update costs: `.venv/bin/python -m benchmarks.echo [--quick]`.

Plugram with one plugin against bare aiogram with one handler, both saying what they hear, in turns
against the same loopback Bot API (`echo_server.py`, a process of its own). Plugram runs as
`plugram run` does, at its default settings: durable intake, limiter, traces, jobs in the process;
on SQLite and on PostgreSQL. aiogram runs as its documentation starts it, in a virtual environment
of its own (`.cache/bench-aiogram`).

Measured by the bot process's own getrusage, in µs of CPU an update:

- flood: thousands of updates wait; what a busy bot costs
- trickle: one every 4 ms, each fetched, stored and answered alone
- start: CPU until the first request for updates, in s
- memory (PSS) after all that, and the delays from delivery to answer

Exit status 1 if a bar is missed: flood at most 0.6 of aiogram's on both databases, start at most
3 s, every answer there, once and in its chat's order.
"""

# ruff: noqa: S310, S603 - it starts the bots, and asks a server on the loopback

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
BOTS = Path(__file__).with_name("echo_bots")
VENV = ROOT / ".cache" / "bench-aiogram"
AIOGRAM = "aiogram==3.31.0"
TOKEN = "42:" + "x" * 35
RATIO, START = 0.6, 3.0


@dataclass
class Found:
    """What was measured of one contender."""

    start: float = 0.0
    flood: list[float] = field(default_factory=list)
    trickle: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p95: list[float] = field(default_factory=list)
    memory: float = 0.0
    wrong: int = 0


@dataclass(frozen=True)
class Size:
    flood: int
    trickle: int
    rounds: int
    chats: int = 200


class Server:
    """The loopback Bot API."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        port = process.stdout.readline().strip() if process.stdout else ""
        self.url = f"http://127.0.0.1:{port}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def say(self, command: str, **params: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/control/{command}",
            json.dumps(params).encode(),
            {"Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=600) as answer:
            return dict(json.load(answer))

    def cpu(self) -> float:
        """Seconds that the bot has used."""
        return float(self.say("ask")["report"].split()[1])


@contextmanager
def running(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def measure(server: Server, command: list[str], env: dict[str, str], size: Size) -> Found:
    """One life of a bot: start, flood, trickle."""
    found = Found()
    server.say("reset")
    with running(command, env) as process:
        server.say("polled")
        found.start = server.cpu()
        server.say("arm", updates=max(500, size.flood // 4), chats=size.chats)  # warm
        for _ in range(size.rounds):
            found.flood.append(_phase(server, found, size.flood, size.chats))
        for _ in range(size.rounds):
            found.trickle.append(_phase(server, found, size.trickle, size.chats, pause=0.004))
        found.memory = _pss(process.pid)
    return found


def _phase(server: Server, found: Found, updates: int, chats: int, pause: float = 0.0) -> float:
    """µs of CPU an update."""
    before = server.cpu()
    said = server.say("arm", updates=updates, chats=chats, pause=pause)
    cost = (server.cpu() - before) / updates * 1e6
    if pause:
        found.p50.append(said["p50"] * 1000)
        found.p95.append(said["p95"] * 1000)
    found.wrong += said["unexpected"] + said["out_of_order"]
    return cost


def _pss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def merged(lives: list[Found]) -> Found:
    """The median of several lives."""
    return Found(
        start=median(life.start for life in lives),
        flood=[median(cost for life in lives for cost in life.flood)],
        trickle=[median(cost for life in lives for cost in life.trickle)],
        p50=[median(delay for life in lives for delay in life.p50)],
        p95=[median(delay for life in lives for delay in life.p95)],
        memory=max(life.memory for life in lives),
        wrong=sum(life.wrong for life in lives),
    )


# -- the contenders -----------------------------------------------------------------------------


def environment(folder: Path) -> dict[str, str]:
    """Clean, with bytecode kept, as in an installation."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def bare(server: Server) -> list[str]:
    python = VENV / "bin" / "python"
    if not python.exists():
        sys.stderr.write(f"installing {AIOGRAM} for the comparison\n")
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", AIOGRAM], check=True)
    return [str(python), str(BOTS / "bare_aiogram.py"), server.url]


def plugram(server: Server, url: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    built_in = [path.parent.name for path in (ROOT / "plugins").glob("*/plugin.toml")]
    env = {
        **environment(folder),
        "BOT_TOKEN": TOKEN,
        "TELEGRAM_API_BASE": server.url,
        "PLUGRAM_ROOT": str(folder),
        "PLUGRAM_DATA_DIR": str(folder / "data"),
        "PLUGRAM_DATABASE__URL": url,
        "PLUGRAM_WEB__PORT": "0",
        "PLUGRAM_LOG__LEVEL": "error",
        "PLUGRAM_PLUGINS__PATHS": json.dumps([str(BOTS / "echo.py")]),
        "PLUGRAM_PLUGINS__REQUIRED": '["echo"]',
        "PLUGRAM_HOOKS__START_TIMEOUT": "60",  # a busy machine must not measure a bot without it
        **{f"PLUGRAM_FEATURES__{name.upper()}": "false" for name in built_in},
    }
    return [sys.executable, "-m", "core", "run"], env


@contextmanager
def databases(names: list[str], folder: Path) -> Iterator[dict[str, str]]:
    """Name → URL of an empty one."""
    found = {}
    server = None
    if "sqlite" in names:
        found["sqlite"] = f"sqlite:///{folder / 'plugram.db'}"
    if "postgres" in names:
        from tests.support.servers import Postgres

        server = Postgres()
        server.start()
        found["postgres"] = server.create()
    try:
        yield found
    finally:
        if server is not None:
            server.remove()


def compare(names: list[str], size: Size, lives: int) -> dict[str, Found]:
    """Contender → what was found. They take turns, so that a busy machine is busy for all."""
    results: dict[str, list[Found]] = {}
    with (
        tempfile.TemporaryDirectory() as name,
        databases(names, Path(name)) as urls,
        running([sys.executable, str(BOTS.with_name("echo_server.py"))], dict(os.environ)) as api,
    ):
        folder, server = Path(name), Server(api)
        compiled = Size(50, 10, 1)
        for life in range(-1, lives):
            # The first life of each writes its bytecode, and isn't counted.
            now = compiled if life < 0 else size
            turns = {"aiogram": (bare(server), environment(folder))}
            turns |= {
                f"plugram, {kind}": plugram(server, url, folder) for kind, url in urls.items()
            }
            for contender, (command, env) in turns.items():
                found = measure(server, command, env, now)
                if life >= 0:
                    results.setdefault(contender, []).append(found)
    return {contender: merged(found) for contender, found in results.items()}


def report(results: dict[str, Found]) -> list[str]:
    """Prints the table; what missed its bar."""
    base = results["aiogram"]
    missed = []
    print(
        f"{'':20} {'flood':>8} {'of bare':>8} {'trickle':>8} {'of bare':>8} {'p50':>7} {'p95':>7}"
        f" {'start':>7} {'memory':>8}"
    )
    for name, found in results.items():
        flood, trickle = found.flood[0], found.trickle[0]
        print(
            f"{name:20} {flood:5.0f} µs {flood / base.flood[0]:8.2f} {trickle:5.0f} µs"
            f" {trickle / base.trickle[0]:8.2f} {found.p50[0]:4.1f} ms {found.p95[0]:4.1f} ms"
            f" {found.start:5.2f} s {found.memory:5.0f} MB"
        )
        if name == "aiogram":
            continue
        if flood > RATIO * base.flood[0]:
            missed.append(f"{name}: an update costs {flood / base.flood[0]:.2f} of aiogram's")
        if found.start > START:
            missed.append(f"{name}: {found.start:.1f} s of CPU until it polls")
        if found.wrong:
            missed.append(f"{name}: {found.wrong} answers twice or out of order")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer updates, one life each")
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    args = parser.parse_args()
    names = ["sqlite", "postgres"] if args.database == "both" else [args.database]
    size = Size(1000, 100, 1) if args.quick else Size(3000, 500, 2)
    missed = report(compare(names, size, 1 if args.quick else 3))
    for sentence in missed:
        print(f"missed: {sentence}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
