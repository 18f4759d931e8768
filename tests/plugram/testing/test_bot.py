from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConfigError
from plugram.testing import Bot, PluginFailed
from plugram.testing.bot import start

BROKEN = """
manifest = {"id": "broken", "version": "1", "summary": "Can't be loaded", "api": ">=1"}

def prepare():
    return {}["what is missing"]

prepare()
"""


async def test_a_plugin_that_can_t_be_loaded_fails_the_test(tmp_path: Path) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text(BROKEN)
    with pytest.raises(PluginFailed) as told:
        async with start([str(plugin)], {}, tmp_path):
            pass
    message = str(told.value)
    assert message.startswith("the plugin broken was set aside (at: import)")
    assert f'File "{plugin}", line 5, in prepare' in message
    assert "KeyError: 'what is missing'" in message
    assert "importlib" not in message


async def test_a_plugin_that_isn_t_there(tmp_path: Path) -> None:
    with pytest.raises(PluginFailed, match=r"no plugin 'tee'; there are: .*pip install -e"):
        async with start(["tee"], {}, tmp_path):
            pass


async def test_settings_that_can_t_be_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"log\.level"):
        async with start(["menu"], {"log.level": "loud"}, tmp_path):
            pass


async def test_what_a_plugin_requires_comes_along_and_nothing_else(tmp_path: Path) -> None:
    async with start(["search"], {}, tmp_path) as bot:
        loaded = {plugin.id for plugin in bot.app.plugins}
    assert {"search", "files", "storage", "menu"} <= loaded
    assert not {"admin", "images", "access"} & loaded


async def test_a_failure_after_the_last_reply_fails_the_test_too(tmp_path: Path) -> None:
    probe = Path(__file__).with_name("probe.py")
    with pytest.raises(PluginFailed, match="by the probe"):
        async with start([str(probe)], {}, tmp_path) as bot:
            await bot.user("ann").send("/break")


async def test_jobs_are_listed(bot: Bot) -> None:
    ann = bot.user("ann")
    await ann.send("/slow")
    await ann.reply()
    await bot.settle()
    [job] = await bot.jobs("probe.answer")
    assert job.state == "done"
    assert {one.name for one in await bot.jobs()} == {"probe.answer", "menu.publish"}
