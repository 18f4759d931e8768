from __future__ import annotations

from pathlib import Path

import pytest

from plugram.testing import Bot, Chat, NoReply, PluginFailed


async def test_people_write_click_and_see(chat: Chat) -> None:
    await chat.send("/echo hello")
    assert (await chat.reply()).text == "hello"
    await chat.send("/menu")
    menu = await chat.reply()
    assert (menu.text, menu.rows) == ("Menu", [["Change", "Say"]])
    assert await chat.click("Say") == "Said"
    assert await chat.click("Change", on=menu) == ""
    changed = await chat.edited(menu)
    assert (changed.text, changed.buttons) == ("Changed", [])


async def test_a_reply_from_the_background_is_waited_for(chat: Chat) -> None:
    await chat.send("/slow")
    assert (await chat.reply()).text.startswith("At last")


async def test_replies_are_all_that_came_since_the_last_act(chat: Chat) -> None:
    await chat.send("/echo one")
    await chat.reply()
    await chat.send("/echo two")
    assert [message.text for message in await chat.replies()] == ["two"]
    said = [message.text for message in await chat.history()]
    assert said == ["/echo one", "one", "/echo two", "two"]


async def test_several_people_in_their_languages(bot: Bot) -> None:
    boris, zoe = bot.user("boris"), bot.user("zoe", language="es")
    await boris.send("/start")
    await zoe.send("/start")
    assert "Здравствуйте" in (await boris.reply()).text
    assert "¡Hola, Zoe!" in (await zoe.reply()).text


async def test_files_by_path_and_content(chat: Chat, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    assert (await chat.upload(path)).file == "notes.txt"
    sent = await chat.upload(b"\x89PNG", name="a.png", caption="Look")
    assert (sent.file, sent.text) == ("a.png", "Look")


async def test_own_messages_are_changed_and_deleted(chat: Chat) -> None:
    message = await chat.send("/echo a")
    await chat.reply()
    assert (await chat.edit(message, "/echo b")).text == "/echo b"
    await chat.delete(message)
    assert "/echo b" not in [one.text for one in await chat.history()]


async def test_who_blocked_the_bot_gets_nothing(chat: Chat, bot: Bot) -> None:
    message = await chat.send("/echo a")
    await chat.reply()
    await chat.block()
    with pytest.raises(NoReply):
        await chat.reply()
    with bot.failing():
        assert await bot.settle()
    assert message.id


@pytest.mark.plugram(settings={"plugins.probe.mark": "» "})
async def test_a_mark_sets_settings(chat: Chat) -> None:
    await chat.send("/echo a")
    assert (await chat.reply()).text == "» a"


async def test_no_reply_tells_what_happened_instead_and_at_once(chat: Chat) -> None:
    await chat.send("/echo hello")
    with pytest.raises(NoReply) as told:
        await chat.reply("goodbye", timeout=60)
    assert str(told.value).splitlines() == [
        "ann got no reply with 'goodbye'.",
        "What happened instead:",
        "  Ann wrote: '/echo hello'",
        "  the bot wrote: 'hello'",
    ]
    await chat.send("/eco hello")
    await chat.reply()  # of the menu, which knows no better
    with pytest.raises(NoReply, match=r"No plugin of this bot has the command /eco; there are: "):
        await chat.reply()
    with pytest.raises(NoReply, match="ann sees no button 'Sing'; there are: none"):
        await chat.click("Sing")


async def test_failures_reach_the_test_with_the_plugins_traceback(bot: Bot, chat: Chat) -> None:
    await chat.send("/break")
    with pytest.raises(PluginFailed) as told:
        await chat.reply("never")
    assert "a handler failed, and the bot gave up on message" in str(told.value)
    assert "in break_" in str(told.value)
    assert "ZeroDivisionError: by the probe" in str(told.value)
    assert "dispatcher.py" not in str(told.value)
    await chat.send("/breakjob")
    with pytest.raises(PluginFailed, match=r"the job probe.stumble failed \(attempt 1 of 5\)"):
        await chat.reply()


async def test_failures_may_be_expected(bot: Bot, chat: Chat) -> None:
    with bot.failing(ZeroDivisionError) as failures:
        await chat.send("/break")
        await bot.settle()
    assert "by the probe" in str(failures[0])


async def test_services_are_called_with_the_plugins_context(bot: Bot) -> None:
    assert bot.ctx().plugin_id == "probe"
    with pytest.raises(LookupError, match="no plugin 'dice' in this bot; there are: menu, probe"):
        bot.ctx("dice")


async def test_groups_have_the_bot_in_them(bot: Bot, chat: Chat) -> None:
    family = await bot.group("Family", chat, bot.user("boris"))
    ann, boris = family.user("ann"), family.user("boris")
    await ann.send("/echo@playground_bot hello")
    assert (await boris.reply()).text == "hello"
    await boris.send("/menu@playground_bot")
    await boris.reply()
    assert await ann.click("Say") == "Said"
    with pytest.raises(NoReply, match="Nothing happened instead"):
        await chat.reply()


async def test_albums(chat: Chat) -> None:
    sent = await chat.album(b"one", b"two", as_="document", caption="Both")
    assert [message.text for message in sent] == ["Both", ""]
