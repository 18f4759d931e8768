"""A new database for each test."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The URL of an empty database on a server, dropped at the end. `server`: the URL of any
    database there, as a user who may create others."""
    name = f"plugram_test_{secrets.token_hex(6)}"
    _apart(_run(server, f"CREATE DATABASE {name}"))
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        _apart(_run(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


async def _run(server: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _apart(work: Coroutine[Any, Any, None]) -> None:
    """In a thread with a loop of its own: the fixture that asks is no coroutine."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
