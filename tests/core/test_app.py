"""The composed process: how it starts, refuses to start, and stops."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from core import config
from core.app import App, session
from core.errors import MigrationError
from core.jobs.alone import NOT_NOW, Alone
from tests.conftest import SettingsFactory
from tests.support.host import only
from tests.support.processes import Bot, PlaygroundProcess, Worker, bot_environment, get_json
from tests.support.servers import wait_until

BAD_TOKEN = "123456789:AAE-not-a-token-that-anybody-gave-out"


async def test_a_stopped_bot_ends_cleanly_and_leaves_nothing_half_done(
    bot: Bot, playground: PlaygroundProcess
) -> None:
    ann = playground.client.user("ann")
    await ann.send("/help")
    await ann.wait_reply(contains="/settings")
    assert bot.terminate(patience=10) == 0
    bot.start()
    await asyncio.sleep(1)  # a repeated answer would come in this time
    assert len([m for m in await ann.messages() if m["from"]["is_bot"]]) == 1


async def test_a_second_signal_ends_it_at_once(bot: Bot, playground: PlaygroundProcess) -> None:
    await playground.client.fault("hang", "sendMessage", seconds=30)
    await playground.client.user("ann").send("/help")
    process = bot.process
    assert process is not None
    await asyncio.sleep(1)  # its handler hangs in the answer now
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: '"stopping"' in bot.logs(), timeout=10, what="the first signal")
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 128 + signal.SIGTERM


def test_a_wrong_token_stops_the_start_and_is_not_shown(
    tmp_path: Path, data_dir: Path, playground: PlaygroundProcess
) -> None:
    bot = Bot(tmp_path / "bot.log")
    bot.env = bot_environment(playground, data_dir=data_dir, port=bot.port)
    bot.env["BOT_TOKEN"] = BAD_TOKEN
    bot.launch()
    assert bot.process is not None
    assert bot.process.wait(30) == 1
    assert "Unauthorized" in bot.logs()
    assert BAD_TOKEN not in bot.logs()
    assert "Traceback" not in bot.logs()


def test_a_worker_is_ready_beside_the_bot_on_one_database(
    tmp_path: Path, bot: Bot, playground: PlaygroundProcess
) -> None:
    worker = Worker(tmp_path / "worker.log", bot.env)
    worker.env["PLUGRAM_WEB__PORT"] = str(worker.port)
    try:
        worker.start()
        status, body = get_json(worker.url + "/readyz")
        assert (status, body["status"]) == (200, "ready")
        assert {"core.database", "core.disk"} <= {check["name"] for check in body["checks"]}
    finally:
        assert worker.terminate() == 0


def test_telegram_away_at_the_start_is_waited_for(
    tmp_path: Path, data_dir: Path, playground: PlaygroundProcess
) -> None:
    bot = Bot(tmp_path / "bot.log")
    bot.env = bot_environment(playground, data_dir=data_dir, port=bot.port)
    playground.kill()
    bot.launch()
    try:
        started = time.monotonic()
        wait_until(lambda: get_json(bot.url + "/healthz")[0] == 200, timeout=30, what="the bot")
        wait_until(lambda: "Telegram is away" in bot.logs(), timeout=60, what="its warning")
        playground.start()
        wait_until(bot.healthy, timeout=60, what=f"readiness since {started:.0f}")
    finally:
        assert bot.terminate() == 0


async def test_a_job_that_runs_alone_waits_for_all_plugins_of_its_worker(
    data_dir: Path, playground: PlaygroundProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = bot_environment(playground, data_dir=data_dir, port=0)
    for name, value in {**env, "PLUGRAM_FEATURES": '{"search": false}'}.items():
        monkeypatch.setenv(name, value)
    async with session(config.load()):
        pass  # as its worker did, it migrates
    # The worker had search. Without it a file would be read, and never be found.
    for plugins, status in ((("files", "search"), NOT_NOW), (("files",), 0)):
        alone = Alone("core.app:alone", *plugins)
        try:
            assert await alone.run(1, 1, "worker", limit=60) == status
        finally:
            await alone.close()


async def test_a_database_that_a_newer_version_migrated_stops_a_start_and_nothing_that_runs(
    settings_factory: SettingsFactory, database_url: str
) -> None:
    """A worker's children are started anew for each job that runs alone."""
    settings = settings_factory(database__url=database_url, **only("menu"))
    async with App(settings, "worker").session() as app:
        await app.db.execute(
            "INSERT INTO core_migrations (app, name, applied_at) VALUES ('core', '9999_next', 0)"
        )
    with pytest.raises(MigrationError, match="9999_next"):
        async with App(settings, "worker").session():
            pass
    async with App(settings, "worker").session(migrated=True) as app:
        assert [plugin.id for plugin in app.plugins] == ["menu"]
