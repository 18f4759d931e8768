"""Production and staging side by side on one PostgreSQL and one Redis: neither sees the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from tests.support.processes import (
    ROOT,
    Bot,
    PlaygroundProcess,
    Worker,
    clean_environment,
    get_json,
)
from tests.support.servers import HOST, Postgres, Valkey, wait_until

pytestmark = pytest.mark.drill

PATIENCE = 240
"""Seconds for four processes to start: a guard against hanging, however busy the machine is."""
NAMES = {"production": "plugram", "staging": "plugram_staging"}
OFF = ("embeddings", "images", "ocr", "search")
"""Not needed here, and slow to start."""


@dataclass
class Deployment:
    """A bot and a worker, whose variables name nothing but the environment and the servers."""

    telegram: PlaygroundProcess
    bot: Bot
    worker: Worker
    env: dict[str, str]

    def command(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "core", *args],
            env=clean_environment() | self.env | env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def deployments(
    tmp_path: Path, postgres: Postgres, valkey: Valkey
) -> Iterator[dict[str, Deployment]]:
    valkey.command(b"FLUSHALL")
    found = {}
    for environment, name in NAMES.items():
        postgres.sql(f"CREATE DATABASE {name} OWNER plugram STRATEGY file_copy")
        telegram = PlaygroundProcess(tmp_path / f"{environment}.playground.log")
        telegram.launch()
        bot = Bot(tmp_path / f"{environment}.bot.log")
        worker = Worker(tmp_path / f"{environment}.worker.log")
        found[environment] = Deployment(telegram, bot, worker, {})
    for environment, one in found.items():
        wait_until(one.telegram.healthy, what="playground")
        one.env = {
            "PLUGRAM_ENV": environment,
            "PLUGRAM_ROOT": str(tmp_path),
            "DATABASE_URL": f"postgresql://plugram:plugram@{HOST}:{postgres.port}",
            "REDIS_URL": valkey.url,
            "BOT_TOKEN": one.telegram.token,
            "TELEGRAM_API_BASE": one.telegram.url,
            "PLUGRAM_LOG__FORMAT": "json",
            "PLUGRAM_HOOKS__START_TIMEOUT": str(PATIENCE),
            **{f"PLUGRAM_FEATURES__{name.upper()}": "false" for name in OFF},
        }
        for process in (one.bot, one.worker):
            process.env = {**one.env, "PLUGRAM_WEB__PORT": str(process.port)}
            process.launch()
    try:
        for one in found.values():
            for process in (one.bot, one.worker):
                wait_until(process.healthy, timeout=PATIENCE, what=process.log.name)
        yield found
    finally:
        for one in found.values():
            for ours in (one.bot, one.worker, one.telegram):
                ours.kill()
        for name in NAMES.values():
            postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.timeout(600)
async def test_two_deployments_on_the_same_servers_do_not_meet(
    tmp_path: Path, postgres: Postgres, valkey: Valkey, deployments: dict[str, Deployment]
) -> None:
    production, staging = deployments["production"], deployments["staging"]
    # The same person writes to both bots; in the one she sends a file and begins a dialog.
    ann, ann_there = (one.telegram.client.user("ann") for one in (production, staging))
    await ann.upload(b"The deposit is paid before moving in.", name="lease.txt")
    await ann.wait_text(
        await ann.wait_reply(contains="lease.txt", timeout=PATIENCE), "Saved", timeout=PATIENCE
    )
    await ann.send("/settings")
    menu = await ann.wait_reply(contains="Language", timeout=PATIENCE)
    await ann.click(menu, "🕒 Time zone: UTC", wait=PATIENCE)
    zones = await ann.wait_text(menu, "Your time zone", timeout=PATIENCE)
    await ann.click(zones, "🔎 Type a city", wait=PATIENCE)
    await ann_there.send("/files")
    there = await ann_there.wait_reply(timeout=PATIENCE)
    assert "lease" not in there["text"]

    def rows(name: str, table: str) -> int:
        return int(postgres.sql(f"SELECT count(*) FROM {table}", database=name))

    for table, by_production in (("files_telegram_files", 1), ("core_jobs", None)):
        mine, theirs = (rows(name, table) for name in NAMES.values())
        assert mine > theirs if by_production is None else (mine, theirs) == (by_production, 0)
    of_files = "SELECT count(*) FROM core_jobs WHERE name LIKE 'files.store%'"
    assert [postgres.sql(of_files, database=name) for name in NAMES.values()] == ["1", "0"]
    owner = "SELECT name FROM core_deployment"
    assert [postgres.sql(owner, database=name) for name in NAMES.values()] == [*NAMES.values()]

    states = "SELECT count(*) FROM core_dialog_states WHERE state IS NOT NULL"
    assert [postgres.sql(states, database=name) for name in NAMES.values()] == ["1", "0"]

    with Redis.from_url(valkey.url, decode_responses=True) as redis:
        keys = list(redis.scan_iter(count=1000))
    assert {key.partition(":")[0] for key in keys} == set(NAMES.values())
    assert (tmp_path / "data" / "deployment").read_text() == "plugram\n"
    assert (tmp_path / "data-plugram_staging" / "deployment").read_text() == "plugram_staging\n"
    for folder, number in (("data", 1), ("data-plugram_staging", 0)):
        blobs = (tmp_path / folder / "storage" / "blobs").rglob("*")
        assert len([one for one in blobs if one.is_file()]) == number

    # A staging process that is pointed at production's database, or folder.
    before = postgres.sql("SELECT count(*) FROM core_migrations", database="plugram")
    url = f"{production.env['DATABASE_URL']}/plugram"
    for command in ("run", "db migrate", "jobs list"):
        done = staging.command(*command.split(), DATABASE_URL=url)
        assert done.returncode == 1, command
        assert "belongs to the deployment plugram, and this one is called" in done.stderr, command
        assert "plugram db adopt" in done.stderr
    done = staging.command("run", PLUGRAM_DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 1
    assert "data folder" in done.stderr
    assert postgres.sql("SELECT count(*) FROM core_migrations", database="plugram") == before
    assert get_json(production.bot.url + "/readyz")[0] == 200
