"""The menu in groups: the greeting, what administrators choose, and what others may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.kit import write_room
from tests.support.host import only
from tests.support.processes import Bot, PlaygroundProcess, bot_environment

TONE = """
    import plugram

    @plugram.hookimpl
    def preferences(ctx):
        return [plugram.Preference("tone", ("calm", "lively"), "calm", chats="group")]

    @plugram.hookimpl
    def routers(ctx):
        from aiogram import Router
        from aiogram.filters import Command

        router = Router()

        @router.message(Command("tone"))
        async def tone(message, ctx, t):
            tone = await ctx.people.preference(message.chat.id, "tone", "tone", "calm")
            await ctx.telegram.send(message.chat.id, f"{tone} in {t.language}")

        return [router]
"""
LOCALE = """
tone-about = I keep calm.
tone-preference-tone = Tone
tone-preference-tone-calm = calm
tone-preference-tone-lively = lively
command-tone = The tone here
"""


@pytest.fixture
def bot(
    tmp_path: Path, data_dir: Path, database_url: str, playground: PlaygroundProcess
) -> Iterator[Bot]:
    files = {"__init__.py": TONE, "locales/en.ftl": LOCALE}
    write_room(data_dir.parent / "mine", "tone", files, commands={"tone": "The tone here"})
    process = Bot(tmp_path / "bot.log")
    process.env = bot_environment(
        playground, data_dir=data_dir, port=process.port, database_url=database_url
    )
    process.env["PLUGRAM_PLUGINS__PATHS"] = '["mine"]'
    for name, value in only("menu").items():
        process.env[f"PLUGRAM_{name.upper()}"] = str(value).lower()
    process.start()
    yield process
    process.terminate()


async def test_a_group_is_greeted_and_chooses_for_itself(
    bot: Bot, playground: PlaygroundProcess
) -> None:
    client = playground.client
    family = await client.group("Family <3", members=["ann", "boris"], bots=[])
    ann, boris = family.person("ann"), family.person("boris")
    await family.add((await client.api("getMe"))["username"], by="ann")
    greeting = await ann.wait_reply(contains="Family <3")
    assert "I keep calm." in greeting["text"]
    assert "/tone" in greeting["text"]
    assert "privacy mode" in greeting["text"], "it hears commands only"

    refusal = await boris.click(greeting, "⚙️ Settings of this group", wait=10)
    assert refusal is not None
    assert refusal["show_alert"]
    assert "администраторы" in refusal["text"], "in his language"
    await ann.click(greeting, "⚙️ Settings of this group")
    await ann.wait_text(greeting, "Language: each person's own")
    await ann.click(greeting, "Tone: calm")
    await ann.wait_text(greeting, "Tone")
    await ann.click(greeting, "lively")
    await ann.wait_text(greeting, "Settings of this group")
    await ann.send("/tone")
    assert (await ann.wait_reply())["text"] == "lively in en"
    await boris.send("/tone")
    assert (await boris.wait_reply())["text"] == "lively in ru"

    await ann.click(greeting, "🌐 Language: each person's own")
    await ann.wait_text(greeting, "Which language shall I speak in this group?")
    await ann.click(greeting, "Español")
    await ann.wait_text(greeting, "Ajustes de este grupo")
    await boris.send("/tone")
    assert (await boris.wait_reply())["text"] == "lively in es"
    await boris.send("/settings")
    assert "privado" in (await boris.wait_reply())["text"], "the group's are not his to change"
    await ann.send("/settings")
    page = await ann.wait_reply()
    assert "Idioma: Español" in page["text"]


async def test_who_hears_everything_says_nothing_of_privacy(
    bot: Bot, playground: PlaygroundProcess
) -> None:
    client = playground.client
    family = await client.group("Family", members=["ann"], kind="supergroup", bots=[])
    name = (await client.api("getMe"))["username"]
    await family.make(name, "administrator", by="ann")
    greeting = await family.person("ann").wait_reply(contains="Family")
    assert "privacy" not in greeting["text"]
    await client.user("ann").send("/settings")
    private = await client.user("ann").wait_reply()
    assert "Tone" not in str(private), "that is a group's choice"
