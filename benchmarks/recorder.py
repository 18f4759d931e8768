"""What watching costs: `.venv/bin/python -m benchmarks.recorder [--quick]`.

One `plugram run` that echoes, as in benchmarks/echo.py; its metrics, traces and flight recorder are
switched off and on again by a signal, every 200 updates. So both sides run in the same
process on the same machine in the same minute. Measured by the process's own getrusage, in µs of
CPU an update, on SQLite and on PostgreSQL: a flood, where an update costs least.

Exit status 1 if watching costs more than 5 % of an update.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.echo import BOTS, Found, Server, _phase, databases, plugram, running

BAR = 0.05


@dataclass(frozen=True)
class Size:
    updates: int
    pairs: int


@dataclass(frozen=True)
class Cost:
    """µs of CPU an update, and the median of what each pair's two phases differ by."""

    off: float
    on: float
    share: float


def measure(server: Server, process: subprocess.Popen[str], size: Size) -> Cost:
    pairs = []
    for pair in range(-1, size.pairs):
        found = {}
        # Each goes first every other time: what changes by and by evens out.
        for watching in (False, True) if pair % 2 else (True, False):
            process.send_signal(signal.SIGUSR1 if watching else signal.SIGUSR2)
            _phase(server, Found(), 50, 50)  # the signal is heard, and the last rows are written
            found[watching] = _phase(server, Found(), size.updates, 200)
        if pair >= 0:  # the first warms
            pairs.append(found)
    off = median(found[False] for found in pairs)
    on = median(found[True] for found in pairs)
    share = median((found[True] - found[False]) / found[False] for found in pairs)
    return Cost(off, on, share)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer updates")
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    args = parser.parse_args()
    names = ["sqlite", "postgres"] if args.database == "both" else [args.database]
    size = Size(200, 15) if args.quick else Size(200, 80)
    missed = False
    print(f"{'':10} {'off':>9} {'on':>9} {'share':>7}")
    with (
        tempfile.TemporaryDirectory() as name,
        databases(names, Path(name)) as urls,
        running([sys.executable, str(BOTS.with_name("echo_server.py"))], dict(os.environ)) as api,
    ):
        server = Server(api)
        for kind, url in urls.items():
            command, env = plugram(server, url, Path(name))
            env["PLUGRAM_HOOKS__START_TIMEOUT"] = "60"  # busy or not: it has to start
            command = [sys.executable, str(BOTS / "observed.py"), command[-1]]
            server.say("reset")
            with running(command, env) as process:
                server.say("polled")
                cost = measure(server, process, size)
            print(f"{kind:10} {cost.off:6.0f} µs {cost.on:6.0f} µs {cost.share:7.1%}")
            missed |= cost.share > BAR
    if missed:
        print(f"missed: watching may cost {BAR:.0%}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
