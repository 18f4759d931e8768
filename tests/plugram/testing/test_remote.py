from __future__ import annotations

import pytest

from plugram.testing import Bot, NoReply
from plugram.testing.remote import RemoteBot


async def test_a_bot_elsewhere_is_talked_to_by_new_people(bot: Bot) -> None:
    away = RemoteBot(bot.url)  # this one, seen from outside
    ann, boris, zoe = away.user("ann"), away.user("boris"), away.user("zoe", language="es")
    await ann.send("/echo hello")
    assert (await ann.reply()).text == "hello"
    for person, hello in ((boris, "Здравствуйте, Борис Орлов"), (zoe, "¡Hola, Zoe!")):
        await person.send("/start")
        assert hello in (await person.reply()).text
    family = await away.group("Family", ann, boris)
    await family.user(boris).send("/echo@playground_bot again")
    assert (await family.user(ann).reply()).text == "again"
    await ann.send("/keep")
    with pytest.raises(NoReply, match="got no reply"):
        await ann.reply()
    assert await bot.user("ann").history() == []
