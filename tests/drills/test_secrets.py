"""No error shows a secret, whatever breaks; what was forged, is stale or comes twice is refused.

Each path breaks something real that has a token, a password or a key in its hand, and everything
that somebody might read is searched: the error, its hint, its traceback in the log, what a command
prints.
"""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import time_machine

from core import config, log
from core.app import App
from core.config import LogSettings, WebSettings
from core.db import database
from core.errors import LinkExpired, LinkForged, PlugramError
from core.links import Links
from core.secrets import Key, Keyring, Secrets
from core.telegram.client import Telegram
from core.telegram.outgoing import Limiter
from core.telegram.wire import Upload, Wire
from plugins.access import service
from tests.conftest import SettingsFactory
from tests.core.telegram.test_wire import Http, Outgoing
from tests.support.bot_api import TOKEN, Answer, BotApi, error
from tests.support.host import host, only
from tests.support.processes import ROOT, PlaygroundProcess, clean_environment
from tests.support.servers import free_port

pytestmark = [pytest.mark.drill, pytest.mark.timeout(120)]

KEY = Key.new()
PASSWORD = "correct-horse-battery-staple"
HOOK = "webhook-secret_of-this-drill"
SECRETS = (TOKEN, TOKEN.partition(":")[2], PASSWORD, KEY.text, HOOK)

Path_ = Callable[[BotApi, Path], Awaitable[Any]]


def wire(api: BotApi, base: str = "") -> Wire:
    return Wire(TOKEN, base or api.url, Http(timeout=1.0, retries=0), Limiter(Outgoing()))


async def called(api: BotApi, answer: Answer) -> None:
    api.script("getMe", answer)
    await wire(api).call("getMe")


async def fetched(api: BotApi, folder: Path, answer: Answer) -> None:
    api.script("getFile", Answer(result={"file_path": "documents/a.txt", "file_size": 10}))
    api.files["documents/a.txt"] = answer
    await wire(api).download("a", folder / "a")


async def reach(url: str) -> None:
    env = {"PLUGRAM_DATABASE__URL": url, "PLUGRAM_DATABASE__ACQUIRE_TIMEOUT": "1"}
    settings = config.load(env=env, root=ROOT / "tests")
    await database.build(settings).connect(patience=0.1)


async def refused(env: dict[str, str]) -> None:
    config.load(env=env, root=ROOT / "tests")


async def opened(kept: str) -> None:
    Secrets("a", Keyring([KEY], ROOT / "nowhere")).decrypt("a", kept)


async def uncaught(api: BotApi) -> None:
    raise RuntimeError(f"GET {api.url}/bot{TOKEN}/getMe with {KEY.text} and {PASSWORD}")


_ECHO = f"https://api.telegram.org/bot{TOKEN}/getMe".encode()

PATHS: dict[str, Path_] = {
    "a token that isn't known": lambda api, _: called(api, error(401, "Unauthorized")),
    "a method that isn't there": lambda api, _: called(api, error(404, "Not Found")),
    "a server that repeats the address": lambda api, _: called(
        api, error(400, f"Bad Request: {_ECHO.decode()}")
    ),
    "a proxy's page with the address": lambda api, _: called(
        api, Answer(status=502, body=b"<html>no way to " + _ECHO)
    ),
    "an answer that isn't JSON": lambda api, _: called(api, Answer(body=b"{" + _ECHO)),
    "a connection that is cut": lambda api, _: called(api, Answer(cut=True)),
    "an answer that never comes": lambda api, _: called(api, Answer(delay=30)),
    "nobody listens": lambda api, _: wire(api, f"http://127.0.0.1:{free_port()}").call("getMe"),
    "a host that isn't there": lambda api, _: wire(api, "http://nowhere.invalid").call("getMe"),
    "a file that isn't there": lambda api, folder: fetched(api, folder, Answer(status=404)),
    "half a file": lambda api, folder: fetched(api, folder, Answer(body=b"half of", cut=True)),
    "a file whose server repeats the address": lambda api, folder: fetched(
        api, folder, Answer(status=500, body=_ECHO)
    ),
    "an upload that is refused": lambda api, _: Telegram(wire(api)).send_document(
        1, Upload(b"x" * 10, "a.txt")
    ),
    "a database that is away": lambda api, _: reach(
        f"postgresql://plugram:{PASSWORD}@127.0.0.1:{free_port()}/x"
    ),
    "a database whose name nobody knows": lambda api, _: reach(
        f"postgresql://plugram:{PASSWORD}@nowhere.invalid/x"
    ),
    "a database address that is none": lambda api, _: refused(
        {"PLUGRAM_DATABASE__URL": f"mysql://plugram:{PASSWORD}@host/x"}
    ),
    "a Redis address that is none": lambda api, _: refused(
        {"PLUGRAM_REDIS__URL": f"http://:{PASSWORD}@host"}
    ),
    "a token with a blank in it": lambda api, _: refused({"BOT_TOKEN": f"{TOKEN} x"}),
    "a key that is cut short": lambda api, _: refused({"PLUGRAM_ENCRYPTION_KEY": KEY.text[:-4]}),
    "a webhook secret that Telegram won't have": lambda api, _: refused(
        {"PLUGRAM_INTAKE__WEBHOOK_SECRET": f"{HOOK} !"}
    ),
    "two tokens under two names": lambda api, _: refused(
        {"BOT_TOKEN": TOKEN, "TELEGRAM_TOKEN": TOKEN.replace("AA", "BB")}
    ),
    "a secret of another key": lambda api, _: opened(
        Secrets("a", Keyring([Key.new()], Path("x"))).encrypt("a", PASSWORD)
    ),
    "a secret that was changed": lambda api, _: opened(
        Secrets("a", Keyring([KEY], Path("x"))).encrypt("a", PASSWORD)[:-3] + "AAA"
    ),
    "a bug of somebody's": lambda api, _: uncaught(api),
}


@pytest.mark.parametrize("name", PATHS)
async def test_an_error_path_shows_no_secret(name: str, tmp_path: Path) -> None:
    stream = io.StringIO()
    log.configure(LogSettings(level="debug", format="json"), stream=stream)
    for value in SECRETS:
        log.secret(value)
    async with BotApi() as api:
        if name == "an upload that is refused":
            api.script("sendDocument", error(413, f"Request Entity Too Large {_ECHO.decode()}"))
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever it is, it is searched
            await PATHS[name](api, tmp_path)
        logger = logging.getLogger("drill")
        logger.error("failed: %s", caught.value, exc_info=caught.value)
    told = [stream.getvalue()]
    if isinstance(caught.value, PlugramError):
        told += [log.redact(str(caught.value)), repr(caught.value), caught.value.hint]
        assert TOKEN not in str(caught.value), "our own errors hold none, redacted or not"
    assert stream.getvalue().strip()
    for secret in SECRETS:
        assert [text for text in told if secret in text] == []


@pytest.mark.parametrize(
    "command", ["doctor", "config show", "config check", "cache stats", "db status", "keys list"]
)
def test_a_command_that_fails_shows_no_secret(command: str, tmp_path: Path) -> None:
    env = clean_environment() | {
        "PLUGRAM_ROOT": str(tmp_path),
        "BOT_TOKEN": TOKEN,
        "TELEGRAM_API_BASE": f"http://127.0.0.1:{free_port()}",
        "DATABASE_URL": f"postgresql://plugram:{PASSWORD}@127.0.0.1:{free_port()}/x",
        "REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0",
        "PLUGRAM_ENCRYPTION_KEY": KEY.text,
        "PLUGRAM_INTAKE__WEBHOOK_SECRET": HOOK,
    }
    done = subprocess.run(
        [sys.executable, "-m", "core", *command.split()],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    shown = done.stdout + done.stderr
    assert shown
    assert [secret for secret in SECRETS if secret in shown] == []


# -- forged, stale, replayed ----------------------------------------------------------------------


def test_links_that_were_forged_are_stale_or_come_again_are_refused() -> None:
    links = Links("storage", WebSettings(public_url="https://bot.example.com"), TOKEN)
    link = links.make("blob", {"key": "a"})
    assert link is not None
    signed = link.rpartition("/")[2]
    others = Links("storage", WebSettings(public_url="https://bot.example.com"), f"{TOKEN}x")
    for forged in (others.make("blob", {"key": "a"}) or "", f"{signed}A", signed[1:], "", "."):
        with pytest.raises(LinkForged):
            links.read(forged.rpartition("/")[2])
    assert links.read(signed) == {"key": "a"}
    for _ in range(2):
        with (
            time_machine.travel(time.time() + links.seconds + 2, tick=False),
            pytest.raises(LinkExpired),
        ):
            links.read(signed)


async def test_updates_without_the_secret_are_refused_and_none_counts_twice(
    settings_factory: SettingsFactory, playground: PlaygroundProcess, sqlite_url: str
) -> None:
    port = free_port()
    settings = settings_factory(
        bot__token=playground.token,
        bot__api_base=playground.url,
        database__url=sqlite_url,
        intake__mode="webhook",
        intake__webhook_secret=HOOK,
        web__port=port,
        web__public_url=f"http://127.0.0.1:{port}",
        **only(),
    )
    chat = {"id": 7, "type": "private", "first_name": "Ann"}
    body = {
        "message_id": 1,
        "date": int(time.time()),
        "chat": chat,
        "from": {**chat, "is_bot": False},
    }
    update = {"update_id": 10**6, "message": {**body, "text": "hello"}}
    async with App(settings, "all").serving() as app, aiohttp.ClientSession() as client:
        address = f"http://127.0.0.1:{port}{settings.intake.webhook_path}"

        async def brought(headers: dict[str, str]) -> int:
            async with client.post(address, json=update, headers=headers) as answer:
                return answer.status

        name = "X-Telegram-Bot-Api-Secret-Token"
        for headers in ({}, {name: ""}, {name: HOOK[:-1]}, {name: f"{HOOK} "[::-1]}, {name: TOKEN}):
            assert await brought(headers) in (401, 403, 404)
        assert await app.db.fetchval("SELECT count(*) AS n FROM core_inbox") == 0
        for _ in range(3):
            assert await brought({name: HOOK}) == 200
        assert await app.db.fetchval("SELECT count(*) AS n FROM core_inbox") == 1


async def test_codes_that_were_forged_are_stale_or_used_up_are_refused(
    settings_factory: SettingsFactory, database_url: str
) -> None:
    settings = settings_factory(database__url=database_url, **only("access"))
    async with host(settings) as running:
        door = service.of(running.ctx("access"))
        code, _ = await door.invite(1, uses=1)
        forged = code[:-1] + ("2" if code[-1] != "2" else "3")
        assert await door.pair(forged, 7, 7, "Ann") is False
        assert await door.pair(code, 7, 7, "Ann") is True
        assert await door.pair(code, 8, 8, "Ben") is False, "used up"
        stale, _ = await door.invite(1)
        await running.db.execute("UPDATE access_codes SET expires_at = 0")
        assert await door.pair(stale, 9, 9, "Cat") is False
        for _ in range(6):
            last = await door.pair("NONSENSE", 10, 10, "Dan")
        assert last is None, "guessing comes to an end"
        assert [one.id for one in await door.grants()] == [7]
