"""`plugram doctor` in front of real servers, and without them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import config
from core.cli import doctor
from tests.support.processes import ROOT, Bot, PlaygroundProcess
from tests.support.servers import free_port

PLUGIN = """
manifest = {"id": "probe", "version": "1", "summary": "Looks", "api": ">=1,<2"}
import plugram

async def look():
    return plugram.Health(False, "the shelf is empty", "fill it")

@plugram.hookimpl
def health_checks(ctx):
    return [plugram.HealthCheck("shelf", look)]
"""

TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"

Examine = Callable[..., tuple[int, dict[str, list[dict[str, Any]]]]]


@pytest.fixture
def examine(tmp_path: Path) -> Examine:
    """`examine(BOT_TOKEN=…)` → exit status, findings by check."""

    def run(**variables: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
        done = subprocess.run(
            [ROOT / ".venv/bin/plugram", "doctor", "--json"],
            env={"PATH": os.environ["PATH"], "PLUGRAM_ROOT": str(tmp_path), **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout, done.stderr
        found: dict[str, list[dict[str, Any]]] = {}
        for finding in json.loads(done.stdout)["checks"]:
            found.setdefault(finding["check"], []).append(finding)
        return done.returncode, found

    return run


def migrate(root: Path, **variables: str) -> None:
    """`plugram db migrate`; the doctor itself changes nothing."""
    subprocess.run(
        [ROOT / ".venv/bin/plugram", "db", "migrate"],
        env={"PATH": os.environ["PATH"], "PLUGRAM_ROOT": str(root), **variables},
        capture_output=True,
        timeout=60,
        check=True,
    )


def state(findings: dict[str, list[dict[str, Any]]], check: str) -> str:
    return str(findings[check][0]["state"])


def test_all_is_well(
    examine: Examine,
    playground: PlaygroundProcess,
    redis_url: str,
    database_url: str,
    tmp_path: Path,
) -> None:
    variables = {
        "BOT_TOKEN": playground.token,
        "TELEGRAM_API_BASE": playground.url,
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
    }
    status, found = examine(**variables)
    assert (status, state(found, "migrations")) == (0, "warning")
    migrate(tmp_path, **variables)
    status, found = examine(**variables)
    bad = [one for findings in found.values() for one in findings if one["state"] == "failed"]
    assert (status, bad) == (0, [])
    for check in (
        "settings",
        "plugins",
        "data folder",
        "disk",
        "sandbox",
        "database",
        "migrations",
        "redis",
    ):
        assert state(found, check) == "ok"
    assert playground.url in found["telegram"][0]["detail"]
    assert any(name.startswith("storage.") for name in found)


def test_what_is_away_is_told_with_the_way_out(examine: Examine) -> None:
    port = free_port()
    status, found = examine(
        BOT_TOKEN=TOKEN,
        TELEGRAM_API_BASE=f"http://127.0.0.1:{port}",
        REDIS_URL=f"redis://:hush-hush@127.0.0.1:{port}/0",
        DATABASE_URL=f"postgresql://bot:hush-hush@127.0.0.1:{port}/bot",
    )
    assert status == 1
    for check in ("telegram", "redis", "database"):
        (finding,) = found[check]
        assert finding["state"] == "failed"
        assert finding["hint"]
        assert "hush-hush" not in finding["detail"]


def test_missing_token(examine: Examine) -> None:
    status, found = examine()
    assert status == 1
    assert "BOT_TOKEN" in found["telegram"][0]["detail"]
    assert state(found, "database") == "ok"


def test_refused_token(examine: Examine, playground: PlaygroundProcess) -> None:
    status, found = examine(BOT_TOKEN=TOKEN, TELEGRAM_API_BASE=playground.url)
    assert status == 1
    assert state(found, "telegram") == "failed"
    assert "token" in found["telegram"][0]["hint"]


def test_wrong_settings_and_broken_plugins(examine: Examine, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[default.jobs]\nslot = 1\n")
    (tmp_path / "broken.py").write_text(
        'manifest = {"id": "broken", "version": "1", "summary": "x", "api": ">=1,<2"}\n1 / 0\n'
    )
    path = str(tmp_path / "broken.py")
    status, found = examine(PLUGRAM_PLUGINS__PATHS=path, QDRANT_URL="http://q")
    assert status == 1
    assert "did you mean jobs.slots?" in found["settings"][0]["detail"]
    assert "QDRANT_URL is set but unused" in found["settings"][1]["detail"]
    (finding,) = found["plugin broken"]
    assert "ZeroDivisionError" in finding["detail"]
    assert "plugram plugins disable broken" in finding["hint"]


def test_folder_that_cannot_be_written(examine: Examine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, found = examine(PLUGRAM_DATA_DIR=str(tmp_path / "file" / "data"))
    assert status == 1
    assert state(found, "data folder") == "failed"
    assert "PLUGRAM_DATA_DIR" in found["data folder"][0]["hint"]


def test_migrations_by_command(examine: Examine) -> None:
    status, found = examine(BOT_TOKEN=TOKEN, PLUGRAM_DATABASE__MIGRATE="manual")
    assert status == 1
    assert state(found, "migrations") == "failed"
    assert "plugram db migrate" in found["migrations"][0]["hint"]


def test_checks_of_plugins_are_asked(
    examine: Examine, playground: PlaygroundProcess, tmp_path: Path
) -> None:
    (tmp_path / "probe.py").write_text(PLUGIN)
    variables = {
        "BOT_TOKEN": playground.token,
        "TELEGRAM_API_BASE": playground.url,
        "PLUGRAM_PLUGINS__PATHS": str(tmp_path / "probe.py"),
    }
    migrate(tmp_path, **variables)
    status, found = examine(**variables)
    assert status == 1
    assert found["probe.shelf"] == [
        {
            "check": "probe.shelf",
            "state": "failed",
            "detail": "the shelf is empty",
            "hint": "fill it",
        }
    ]


def test_the_webhook_is_asked_about(
    examine: Examine, tmp_path: Path, playground: PlaygroundProcess
) -> None:
    port = free_port()
    webhook = {
        "BOT_TOKEN": playground.token,
        "TELEGRAM_API_BASE": playground.url,
        "PLUGRAM_INTAKE__MODE": "webhook",
        "PLUGRAM_WEB__PORT": str(port),
        "PLUGRAM_WEB__PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PLUGRAM_FEATURES__FILES": "false",
    }
    _, found = examine(**webhook)
    assert state(found, "webhook") == "warning"
    assert "none" in found["webhook"][0]["detail"]
    assert state(found, "public_url") == "warning"
    assert "ConnectError" in found["public_url"][0]["detail"]

    bot = Bot(tmp_path / "bot.log", {**webhook, "PLUGRAM_ROOT": str(tmp_path)})
    bot.port, bot.url = port, f"http://127.0.0.1:{port}"
    bot.start()
    try:
        _, found = examine(**webhook)
        assert state(found, "webhook") == "ok"
        assert found["webhook"][0]["detail"].startswith(f"set to http://127.0.0.1:{port}/telegram")
        assert state(found, "public_url") == "ok"
    finally:
        bot.terminate()


@pytest.mark.parametrize("public", ["http://bot.example.com", "https://bot.example.com:8081"])
def test_an_address_that_telegram_refuses_is_told(public: str) -> None:
    settings = config.load(
        env={"PLUGRAM_INTAKE__MODE": "webhook", "PLUGRAM_WEB__PUBLIC_URL": public}, root=ROOT
    )
    finding = asyncio.run(doctor._reachable(settings))
    assert finding.state == "failed"
    assert "443, 80, 88 or 8443" in finding.hint
