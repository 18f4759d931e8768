"""The bot and the playground as processes of their own, as an operator runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playground.client import Playground
from tests.support.servers import HOST, free_port, spawn, stop, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy


def get_json(url: str) -> tuple[int, Any]:
    """Status and JSON body of a GET; status 0 when nobody answers."""
    try:
        with _OPENER.open(url, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, None


class Process:
    """A program of ours with a log file; `start` after `kill` starts it again on the same port."""

    module = ""
    health = "/healthz"

    def __init__(self, log: Path, env: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.log = log
        self.env = dict(env or {})
        self.process: subprocess.Popen[bytes] | None = None

    def arguments(self) -> list[str]:
        """What follows `python -m <module>`."""
        return []

    def launch(self) -> None:
        """Start it, without waiting."""
        with self.log.open("ab") as log:
            self.process = spawn(
                *(sys.executable, "-m", self.module, *self.arguments()),
                log=log,
                env=clean_environment() | {"PYTHONUNBUFFERED": "1"} | self.env,
                cwd=ROOT,
            )

    def start(self, *, timeout: float = 90) -> None:
        """Start it and wait until it is healthy. Raises RuntimeError, TimeoutError with its log."""
        self.launch()
        try:
            wait_until(self.healthy, timeout=timeout, what=self.module)
        except TimeoutError as error:
            self.kill()
            raise TimeoutError(f"{error}; its log:\n{self.logs()}") from None

    def healthy(self) -> bool:
        if self.process and self.process.poll() is not None:
            raise RuntimeError(f"{self.module} ended ({self.process.returncode}):\n{self.logs()}")
        return get_json(self.url + self.health)[0] == 200

    def kill(self) -> None:
        """As the kernel would: SIGKILL, no goodbye."""
        if self.process:
            stop(self.process, signal.SIGKILL)

    def terminate(self, *, patience: float = 20) -> int:
        """SIGTERM, as a deployment stops it; its exit status (-9 if it had to be killed)."""
        return stop(self.process, patience=patience) if self.process else 0

    def logs(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


class PlaygroundProcess(Process):
    """`python -m playground`: the Bot API at `url`, `client` for people who talk to the bot."""

    module = "playground"
    health = "/control/state"

    def arguments(self) -> list[str]:
        return ["--port", str(self.port), "--strict-port"]

    @property
    def client(self) -> Playground:
        return Playground(self.url)

    @property
    def token(self) -> str:
        """Of its first bot."""
        token: str = get_json(self.url + "/control/bots")[1][0]["token"]
        return token


class Bot(Process):
    """`plugram run`."""

    module = "core"
    health = "/readyz"

    def arguments(self) -> list[str]:
        return ["run"]


class Worker(Bot):
    """`plugram worker`."""

    def arguments(self) -> list[str]:
        return ["worker"]


def bot_environment(
    playground: PlaygroundProcess,
    *,
    data_dir: Path,
    port: int,
    database_url: str = "",
    redis_url: str = "",
) -> dict[str, str]:
    """The variables of a bot, or a worker, whose Telegram is the playground."""
    return {
        "BOT_TOKEN": playground.token,
        "TELEGRAM_API_BASE": playground.url,
        "PLUGRAM_ROOT": str(data_dir.parent),  # not the checkout, whose settings.toml is not ours
        "PLUGRAM_DATA_DIR": str(data_dir),
        "PLUGRAM_DATABASE__URL": database_url,
        "PLUGRAM_REDIS__URL": redis_url,
        "PLUGRAM_WEB__PORT": str(port),
        "PLUGRAM_LOG__FORMAT": "json",
    }


def clean_environment() -> dict[str, str]:
    """This process's environment without what would configure a bot."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "COVERAGE_PROCESS_START")
    return {name: os.environ[name] for name in kept if name in os.environ}
