"""`python -m benchmarks.search [quality|latency] [--database sqlite|postgres|both]`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.search import latency, quality

console = Console()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("quality", "latency", "all"), default="all")
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--passages", type=int, default=100_000, help="for latency")
    parser.add_argument("--queries", type=int, default=200, help="for latency")
    parser.add_argument("--xquad", type=Path, help="folder with xquad.<language>.json, for quality")
    parser.add_argument("--step", type=int, default=1, help="judge every n-th query only")
    wanted = parser.parse_args()
    if hasattr(os, "nice"):
        os.nice(5)
    dialects = ("sqlite", "postgres") if wanted.database == "both" else (wanted.database,)
    fine = True
    for dialect in dialects:
        if wanted.part != "latency":
            fine &= asyncio.run(quality.run(console, dialect, wanted.xquad, wanted.step))
        if wanted.part != "quality":
            fine &= asyncio.run(latency.run(console, dialect, wanted.passages, wanted.queries))
    return 0 if fine else 1


sys.exit(main())
