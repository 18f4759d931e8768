"""`python -I -m core.alive`: whether the process in this container lives, for its health check.

It asks `/healthz` at the port of the image's variables, and needs nothing but the standard library:
a check every 15 seconds must not cost what it watches.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT = 4.0
"""Seconds."""
_EVERYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104 - asked about, not listened on


def main() -> int:
    """0 if it lives, else 1 and the reason on standard error."""
    host = os.environ.get("PLUGRAM_WEB__HOST", "")
    port = int(os.environ.get("PLUGRAM_WEB__PORT") or 8081)
    connection = HTTPConnection("127.0.0.1" if host in _EVERYWHERE else host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        said = answer.read(500).decode(errors="replace")
    except (OSError, HTTPException) as error:
        sys.stderr.write(f"no answer at port {port}: {type(error).__name__} {error}\n")
        return 1
    finally:
        connection.close()
    if answer.status != 200:
        sys.stderr.write(f"{said}\n")
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
