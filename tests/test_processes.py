"""The fixtures that start programs of ours."""

from __future__ import annotations

from tests.support.processes import Bot, PlaygroundProcess


async def test_the_playground_has_people_and_a_bot(playground: PlaygroundProcess) -> None:
    token = await playground.client.token()
    assert token == playground.token
    await playground.client.user("ann").send("hello")
    assert await playground.client.pending() == 1


async def test_a_bot_answers_also_after_a_crash(bot: Bot, playground: PlaygroundProcess) -> None:
    ann = playground.client.user("ann")
    await ann.send("/start")
    assert (await ann.wait_reply())["text"]
    bot.kill()
    await ann.send("/help")
    bot.start()
    assert (await ann.wait_reply())["text"]
    assert bot.terminate() == 0, bot.logs()
