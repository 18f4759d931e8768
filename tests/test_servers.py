"""The servers of the tests are real, separate and empty."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.support.servers import Postgres, Valkey, wait_until


async def test_postgres_owner_is_no_superuser_and_has_the_extensions(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        role = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        assert await connection.fetchval(role) is False
        assert await connection.fetchval("SELECT '[1,2]'::vector <-> '[1,3]'::vector") == 1
        assert await connection.fetchval("SELECT lower('ДОМ')") == "дом"
    finally:
        await connection.close()


@pytest.mark.parametrize("attempt", [1, 2])
async def test_each_test_gets_an_empty_database(postgres_url: str, attempt: int) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("CREATE TABLE once (attempt int)")
    finally:
        await connection.close()


async def test_a_database_is_dropped_from_under_its_connections(postgres: Postgres) -> None:
    url = postgres.create()
    connection = await asyncpg.connect(url)
    postgres.drop(url)
    with pytest.raises((asyncpg.PostgresError, ConnectionError)):
        await connection.fetchval("SELECT 1")
    connection.terminate()


@pytest.mark.parametrize("attempt", [1, 2])
async def test_each_test_gets_an_empty_redis(redis_url: str, attempt: int) -> None:
    async with Redis.from_url(redis_url) as redis:
        assert await redis.dbsize() == 0
        await redis.set("key", attempt)


async def test_a_server_can_be_cut_off_and_brought_back() -> None:
    server = Valkey()
    server.start()
    server.stop()
    with pytest.raises(OSError, match="refused"):
        server.command(b"PING")
    server.start()
    assert server.command(b"PING") == b"+PONG\r\n"
    server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_servers_die_with_a_killed_run() -> None:
    run = textwrap.dedent("""
        import time
        from tests.support.servers import Postgres, Valkey
        postgres, valkey = Postgres(), Valkey()
        postgres.start(), valkey.start()
        print(postgres._home, postgres._process.pid, valkey._process.pid, flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", run], stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout
        home, *pids = killed.stdout.readline().split()
        killed.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(_lives(int(pid)) for pid in pids), what="the end of the servers")
    subprocess.run(["rm", "-rf", home], check=True)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z" and os.path.exists(f"/proc/{pid}")  # noqa: PTH110
