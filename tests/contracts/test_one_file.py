"""A plugin in one file of 25 lines works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.client import Person
from tests.support.host import only
from tests.support.processes import ROOT, Bot, PlaygroundProcess, bot_environment

SHOUT = ROOT / "examples" / "shout.py"


@pytest.fixture
def bot(
    tmp_path: Path, data_dir: Path, sqlite_url: str, playground: PlaygroundProcess
) -> Iterator[Bot]:
    process = Bot(tmp_path / "bot.log")
    process.env = bot_environment(
        playground, data_dir=data_dir, port=process.port, database_url=sqlite_url
    )
    process.env["PLUGRAM_PLUGINS__PATHS"] = f'["{SHOUT}"]'
    for name, value in only("menu").items():
        process.env[f"PLUGRAM_{name.upper()}"] = str(value).lower()
    process.start()
    yield process
    process.terminate()


def test_it_has_25_lines_at_most_and_stands_in_the_docs() -> None:
    text = SHOUT.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 25
    assert text in (ROOT / "docs" / "write-a-plugin.md").read_text(encoding="utf-8")


async def test_it_answers_in_the_chat(bot: Bot, playground: PlaygroundProcess) -> None:
    ann: Person = playground.client.user("ann")
    await ann.send("/help")
    await ann.wait_reply(contains="/shout — Say something louder")
    await ann.send("/shout hello <you> & me")
    await ann.wait_reply(contains="HELLO <YOU> & ME")
