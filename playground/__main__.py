"""`python -m playground`: run it until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import uvicorn

from playground import server


def main() -> int:
    """Parse the command line and run; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m playground", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8080, help="another free one when it is taken")
    parser.add_argument("--strict-port", action="store_true", help="fail when the port is taken")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the state in this folder")
    parser.add_argument(
        "--local", action="store_true", help="files up to 2000 MB, and getFile answers with paths"
    )
    given = parser.parse_args()
    try:
        with asyncio.Runner(
            loop_factory=uvicorn.Config("", log_config=None).get_loop_factory()
        ) as runner:
            runner.run(
                server.run(
                    given.host,
                    given.port,
                    given.data,
                    strict_port=given.strict_port,
                    local=given.local,
                )
            )
    except OSError as error:
        print(f"playground: {error}", file=sys.stderr)  # noqa: T201 - a program speaks here
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
