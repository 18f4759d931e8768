"""The plugin host as operators and people meet it: a running bot with plugins that misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.client import Person
from tests.core.kit import write_file
from tests.support.host import only
from tests.support.processes import Bot, PlaygroundProcess, bot_environment, get_json

ANSWERS = """
    import plugram

    @plugram.hookimpl
    def routers(ctx):
        from aiogram import Router
        from aiogram.filters import Command
        router = Router()
        @router.message(Command("{command}"))
        async def answer(message, command):
            {work}
            await message.answer("{text}")
        return [router]
"""


def answering(command: str, text: str, work: str = "pass") -> str:
    return ANSWERS.format(command=command, text=text, work=work)


class SafeBot(Bot):
    def arguments(self) -> list[str]:
        return ["run", "--safe-mode"]


Make = Callable[..., Bot]


@pytest.fixture
def folder(data_dir: Path) -> Path:
    made = data_dir.parent / "mine"
    made.mkdir()
    return made


@pytest.fixture
def make(
    tmp_path: Path, data_dir: Path, folder: Path, sqlite_url: str, playground: PlaygroundProcess
) -> Iterator[Make]:
    """A bot over the plugins of `folder`, with these built-in ones; not started yet."""
    made: list[Bot] = []

    def build(*built_in: str, kind: type[Bot] = Bot, **env: str) -> Bot:
        bot = kind(tmp_path / f"bot{len(made)}.log")
        bot.env = bot_environment(
            playground, data_dir=data_dir, port=bot.port, database_url=sqlite_url
        )
        bot.env["PLUGRAM_PLUGINS__PATHS"] = json.dumps([str(folder)])
        for name, value in only(*built_in).items():
            bot.env[f"PLUGRAM_{name.upper()}"] = str(value).lower()
        bot.env |= env
        made.append(bot)
        return bot

    yield build
    for bot in made:
        bot.kill()


@pytest.fixture
def ann(playground: PlaygroundProcess) -> Person:
    return playground.client.user("ann")


def lines(bot: Bot, message: str) -> list[dict[str, Any]]:
    """Log lines with this message."""
    found = [json.loads(line) for line in bot.logs().splitlines() if line.startswith("{")]
    return [line for line in found if line.get("message") == message]


# -- quarantine -----------------------------------------------------------------------------------


async def test_broken_plugins_cost_the_bot_nothing_and_the_owner_hears_once(
    make: Make, folder: Path, ann: Person
) -> None:
    write_file(folder, "good", answering("good", "still here"), commands={"good": "Works"})
    write_file(folder, "no_import", "import no_such_module")
    write_file(folder, "bad_hook", "import plugram\n@plugram.hookimpl\nasync def on_redy(ctx): ...")
    write_file(
        folder,
        "hangs",
        "import asyncio, plugram\n@plugram.hookimpl\n"
        "async def on_startup(ctx):\n    await asyncio.sleep(3600)",
    )
    write_file(folder, "too_new", api=">=9")
    write_file(folder, "needs_it", requires={"plugins": ["hangs"]})
    greeting = await ann.send("hello")
    bot = make(
        "menu",
        "admin",
        PLUGRAM_BOT__OWNER=str(greeting["from"]["id"]),
        PLUGRAM_HOOKS__START_TIMEOUT="1",
    )
    bot.start()
    await ann.send("/good")
    await ann.wait_reply(contains="still here")

    broken = {"no_import", "bad_hook", "hangs", "too_new", "needs_it"}
    reports = await _reports(ann, len(broken))
    told = {report.split("The plugin ", 1)[1].split(" was set aside")[0] for report in reports}
    assert told == broken
    assert any("No module named 'no_such_module'" in report for report in reports)
    assert any("on_startup didn't end within 1 s" in report for report in reports)
    assert any("needs the plugin hangs" in report for report in reports)

    bot.kill()
    bot.start()
    await ann.send("/good")
    await ann.wait_reply(contains="still here")
    await asyncio.sleep(1)
    assert len(await _reports(ann, len(broken))) == len(broken)


async def _reports(ann: Person, count: int) -> list[str]:
    """The texts of the reports in the chat, once there are so many."""
    texts: list[str] = []
    for _ in range(100):
        texts = [message.get("text", "") for message in await ann.messages()]
        texts = [text for text in texts if "was set aside" in text]
        if len(texts) >= count:
            break
        await asyncio.sleep(0.1)
    return texts


def test_a_required_plugin_that_is_broken_stops_the_start(make: Make, folder: Path) -> None:
    write_file(folder, "vital", "1 / 0")
    bot = make("menu", PLUGRAM_PLUGINS__REQUIRED='["vital"]')
    with pytest.raises(RuntimeError, match=r"ended \([12]\)") as caught:
        bot.start()
    assert "a required plugin can't be loaded: vital: ZeroDivisionError" in str(caught.value)
    assert "take it out of [plugins] required" in str(caught.value)


async def test_safe_mode_runs_built_in_plugins_alone(make: Make, folder: Path, ann: Person) -> None:
    write_file(folder, "kills", "import os; os._exit(7)")
    with pytest.raises(RuntimeError, match=r"ended \(7\)"):
        make("menu").start()
    make("menu", kind=SafeBot).start()
    await ann.send("/help")
    await ann.wait_reply(contains="/settings")


# -- the breaker ----------------------------------------------------------------------------------


async def test_a_plugin_that_keeps_failing_is_paused_and_comes_back(
    make: Make, folder: Path, tmp_path: Path, ann: Person
) -> None:
    switch = tmp_path / "broken"
    switch.touch()
    work = f'__import__("pathlib").Path({str(switch)!r}).exists() and 1 / 0'
    write_file(folder, "moody", answering("moody", "fine"), commands={"moody": "Moody"})
    (folder / "moody.py").write_text(
        (folder / "moody.py").read_text().replace("pass\n", f"{work}\n")
    )
    write_file(folder, "good", answering("good", "still here"))
    bot = make(
        "menu",
        PLUGRAM_HOOKS__BREAKER_FAILURES="2",
        PLUGRAM_HOOKS__BREAKER_PAUSE="3",
        PLUGRAM_INTAKE__ATTEMPTS="1",
    )
    bot.start()
    for _ in range(2):
        await ann.send("/moody")
        await ann.wait_reply()
    await ann.send("/moody")
    paused = await ann.wait_reply()
    assert "fine" not in paused["text"]
    assert lines(bot, "plugin paused")
    assert len(lines(bot, "trace")) == 0
    await ann.send("/help")
    assert "/moody" not in (await ann.wait_reply())["text"]
    await ann.send("/good")
    await ann.wait_reply(contains="still here")

    switch.unlink()
    await asyncio.sleep(3)
    await ann.send("/moody")
    await ann.wait_reply(contains="fine")
    await ann.send("/help")
    await ann.wait_reply(contains="/moody")


# -- names and traces -----------------------------------------------------------------------------


async def test_clashing_commands_live_side_by_side_under_an_alias(
    make: Make, folder: Path, ann: Person
) -> None:
    write_file(folder, "cards", answering("roll", "a card"), commands={"roll": "Draw"})
    write_file(folder, "dice", answering("roll", "a die"), commands={"roll": "Roll"})
    bot = make("menu", PLUGRAM_PLUGINS__DICE__ALIASES__ROLL="dice_roll")
    bot.start()
    await ann.send("/roll")
    await ann.wait_reply(contains="a card")
    await ann.send("/dice_roll")
    await ann.wait_reply(contains="a die")
    await ann.send("/help")
    text = (await ann.wait_reply())["text"]
    assert "/roll — Draw" in text
    assert "/dice_roll — Roll" in text


async def test_the_trace_says_who_claimed_and_who_ignored_an_update(
    make: Make, folder: Path, ann: Person
) -> None:
    write_file(folder, "aa", answering("other", "x"))
    write_file(folder, "bb", answering("mine", "yours"))
    bot = make("menu", PLUGRAM_TRACE_HOOKS="1")
    bot.start()
    await ann.send("/mine")
    await ann.wait_reply(contains="yours")
    await asyncio.sleep(0.5)
    [update] = [line for line in lines(bot, "trace") if line["subject"] == "update"]
    steps = [step.split(" ")[:2] for step in update["plugins"].split(", ")]
    assert steps == [["aa", "ignored"], ["bb", "claimed"]]
    assert update["ms"] > 0
    hooks = {line["hook"] for line in lines(bot, "trace") if line["subject"] == "hook"}
    assert "on_ready" in hooks


# -- every hook -----------------------------------------------------------------------------------

LISTENER = """
    import contextlib
    from pathlib import Path

    import plugram

    NOTES = Path({notes!r})

    def note(name):
        with NOTES.open("a") as notes:
            print(name, file=notes)

    class Greeter:
        pass

    @plugram.job(attempts=1)
    async def fails(ctx, job):
        raise ValueError("on purpose")

    async def healthy():
        note("health_checks")
        return plugram.Health(ok=True)

    async def page(request):
        from starlette.responses import PlainTextResponse
        note("web_routes")
        return PlainTextResponse("a page")

    @plugram.hookimpl
    def routers(ctx):
        from aiogram import Router
        from aiogram.filters import Command
        router = Router()
        @router.message(Command("hook"))
        async def hook(message):
            note("routers")
        return [router]

    @plugram.hookimpl
    def commands(ctx):
        return [plugram.Command("hook", "Declared in code")]

    @plugram.hookimpl
    def jobs(ctx):
        return [fails]

    @plugram.hookimpl
    def services(ctx):
        note("services")
        return []

    @plugram.hookimpl
    def processors(ctx):
        note("processors")
        return []

    @plugram.hookimpl
    def health_checks(ctx):
        return [plugram.HealthCheck("own", healthy)]

    @plugram.hookimpl
    def web_routes(ctx):
        return [plugram.Route("/page", page)]

    @plugram.hookimpl
    def preferences(ctx):
        return [plugram.Preference("size", ("s", "l"), "s")]

    @plugram.hookimpl
    async def on_startup(ctx):
        note("on_startup")

    @plugram.hookimpl
    async def on_ready(ctx):
        note("on_ready")
        await ctx.jobs.enqueue(fails)

    @plugram.hookimpl
    async def on_shutdown(ctx):
        note("on_shutdown")

    @plugram.hookimpl
    async def on_file_stored(file):
        note("on_file_stored " + file.name)

    @plugram.hookimpl
    async def on_file_processed(file, extraction):
        note("on_file_processed " + extraction.sections[0].text)

    @plugram.hookimpl
    async def on_file_searchable(file_id, words, meaning):
        note(f"on_file_searchable words={{words}} meaning={{meaning}}")

    @plugram.hookimpl
    async def on_job_dead(name, error):
        note(f"on_job_dead {{name}} {{error}}")

    @plugram.hookimpl
    async def on_plugin_quarantined(plugin_id, reason, cause):
        note(f"on_plugin_quarantined {{plugin_id}}")
"""


async def test_every_hook_fires_at_its_moment(
    make: Make, folder: Path, tmp_path: Path, ann: Person
) -> None:
    notes = tmp_path / "notes"
    write_file(folder, "listener", LISTENER.format(notes=str(notes)))
    write_file(folder, "broken", "1 / 0")
    bot = make(
        "menu", "files", "documents", "storage", "search", "embeddings", PLUGRAM_WEB__ENABLED="true"
    )
    bot.start()
    await ann.send("/hook")
    await ann.send("/help")
    await ann.wait_reply(contains="/hook — Declared in code")
    await ann.upload(b"marmalade on toast", name="breakfast.txt")
    await ann.send("/settings")
    await ann.wait_reply(where=lambda message: "listener-preference-size" in json.dumps(message))
    assert get_json(f"{bot.url}/readyz")[0] == 200
    assert (await _page(f"{bot.url}/listener/page")) == "a page"
    expected = {
        "routers",
        "services",
        "processors",
        "health_checks",
        "web_routes",
        "on_startup",
        "on_ready",
        "on_file_stored breakfast.txt",
        "on_file_processed marmalade on toast",
        "on_file_searchable words=True meaning=False",
        "on_file_searchable words=True meaning=True",
        "on_plugin_quarantined broken",
        "on_job_dead listener.fails ValueError: on purpose",
    }
    for _ in range(300):
        noted = set(notes.read_text().splitlines())
        if expected <= noted:
            break
        await asyncio.sleep(0.1)
    assert expected - noted == set()
    assert "on_shutdown" not in noted
    bot.terminate()
    assert "on_shutdown" in notes.read_text().splitlines()


async def _page(url: str) -> str:
    import urllib.request

    def read() -> str:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=5) as answer:
            body: bytes = answer.read()
            return body.decode()

    return await asyncio.to_thread(read)
