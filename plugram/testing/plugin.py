"""The pytest plugin. Nothing but pytest is imported until a test asks for a fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_asyncio import fixture as async_fixture

    from plugram.testing.bot import Bot
    from plugram.testing.chat import Chat
    from plugram.testing.clock import Clock
    from plugram.testing.journeys import Makers
    from plugram.testing.models import Models
else:
    try:
        from pytest_asyncio import fixture as async_fixture
    except ImportError:  # a project without async tests

        def async_fixture(function):
            @pytest.fixture(name=function.__name__)
            def lacking():
                pytest.fail('install the test kit: pip install "plugram[testing]"', pytrace=False)

            return lacking


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("plugram")
    group.addoption(
        "--plugram-postgres",
        metavar="URL",
        default="",
        help="run the bot of each test on a new database of this PostgreSQL server instead of"
        " SQLite (postgresql://user:password@host/name; the user may create databases)",
    )
    group.addoption(
        "--plugram-url",
        metavar="URL",
        default="",
        help="talk to the bot that runs in front of the playground at this address, such as that of"
        " `plugram dev`; tests that need more than to talk are skipped",
    )
    group.addoption(
        "--plugram-accept",
        action="store_true",
        help="write what the bot did into the transcripts that differ",
    )
    parser.addini(
        "plugram_plugins",
        "ids or paths of the plugins under test; by default those of this project",
        type="args",
        default=[],
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "plugram(plugins=[…], settings={…}): plugins and settings of this test's bot",
    )
    project = config.rootpath / "pyproject.toml"
    if project.is_file() and "plugram.plugins" in project.read_text(encoding="utf-8"):
        _prepare(config.rootpath)


def _prepare(root: Path) -> None:
    """A plugin's own project: its modules can be imported, be it installed or not, and aiogram is
    imported the quick way, whoever does it first."""
    from core import aio
    from core.host.projects import adopt, project_at

    aio.install()
    if project := project_at(root):
        adopt(project)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Transcripts: `journeys/*.yaml`, and `*.journey.yaml` anywhere."""
    in_folder = file_path.parent.name == "journeys" and file_path.suffix == ".yaml"
    if not file_path.name.endswith(".journey.yaml") and not (in_folder and _has_steps(file_path)):
        return None
    from plugram.testing.journeys import JourneyFile

    return JourneyFile.from_parent(parent, path=file_path)


def _has_steps(path: Path) -> bool:
    """Whether it can be a transcript: other projects have folders of that name, too."""
    return "\nsteps:" in "\n" + path.read_text(encoding="utf-8", errors="replace")


# -- what a test's bot is made of -----------------------------------------------------------------


@pytest.fixture
def plugram_plugins(request: pytest.FixtureRequest) -> Sequence[str]:
    """Ids or paths of the plugins under test: of the mark, of `plugram_plugins` in the pytest
    settings, or what the project has. Override it as you like."""
    marked = [mark.kwargs["plugins"] for mark in _marks(request) if "plugins" in mark.kwargs]
    named = marked[-1] if marked else request.config.getini("plugram_plugins")
    if not named:
        return _of_project(request.config.rootpath, request.path.parent)
    return [_resolved(name, request.path.parent, request.config.rootpath) for name in named]


@pytest.fixture
def plugram_settings() -> Mapping[str, Any]:
    """Settings by dotted name, `{"plugins.notes.limit": 3}`, for all tests that see the fixture;
    those of a test's mark go over them."""
    return {}


@pytest.fixture
def plugram_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an empty database; empty: SQLite in the test's folder."""
    server = request.config.getoption("--plugram-postgres")
    if not server:
        yield ""
        return
    from plugram.testing.postgres import new_database

    with new_database(server) as url:
        yield url


@async_fixture
async def plugram_bot(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    plugram_plugins: Sequence[str],
    plugram_settings: Mapping[str, Any],
    plugram_database: str,
) -> AsyncIterator[Bot]:
    """A bot with the plugins under test: `bot.user("ann")`, `bot.ctx()`, `bot.failing(…)`."""
    from core.errors import PlugramError
    from plugram.testing.bot import start
    from plugram.testing.failures import PluginFailed

    if url := request.config.getoption("--plugram-url"):
        yield _elsewhere(request, url)
        return
    settings = dict(plugram_settings)
    for mark in _marks(request):
        settings |= mark.kwargs.get("settings", {})
    if "models" in request.fixturenames:
        models: Models = request.getfixturevalue("models")
        settings = {**models.settings, **settings}
    folder = tmp_path / "plugram"
    folder.mkdir()
    trouble = ""
    try:
        async with start(plugram_plugins, settings, folder, plugram_database) as running:
            yield running
    except (PluginFailed, PlugramError) as error:
        trouble = str(error)
    if trouble:
        pytest.fail(trouble, pytrace=False)


def _elsewhere(request: pytest.FixtureRequest, url: str) -> Any:
    from plugram.testing.remote import RemoteBot

    if any("settings" in mark.kwargs for mark in _marks(request)):
        pytest.skip("settings of its own need a bot of its own, and --plugram-url names another")
    if {"clock", "models"} & set(request.fixturenames):
        pytest.skip("clock and models need a bot in this process, and --plugram-url names another")
    return RemoteBot(url)


@pytest.fixture
def bot(plugram_bot: Bot) -> Bot:
    """The same by a short name, which a project may have another use for."""
    return plugram_bot


@pytest.fixture
def chat(plugram_bot: Bot) -> Chat:
    """Ann, who speaks English, and her chat with the bot."""
    return plugram_bot.user("ann")


@pytest.fixture
def clock(plugram_bot: Bot) -> Clock:
    """The bot's time: `await clock.advance(hours=9)`."""
    return plugram_bot.clock


@pytest.fixture
def models() -> Iterator[Models]:
    """Scripted models, which the bot of the test uses."""
    from plugram.testing.models import Models

    scripted = Models()
    yield scripted
    scripted.close()


def _resolved(name: str, *folders: Path) -> str:
    """A path in full, looked for beside the test and from the root on; an id as it is."""
    if not name.endswith(".py") and "/" not in name:
        return name
    found = [folder / name for folder in folders if (folder / name).exists()]
    return str(found[0].resolve() if found else folders[-1] / name)


@pytest.fixture
def plugram_makers() -> Makers:
    """What makes the files of transcripts: `{upload: {name: a.txt, text: hello}}`. Override it to
    add your own, by name: a function from what stands there to the content."""
    return {"text": lambda text: str(text).encode()}


def _marks(request: pytest.FixtureRequest) -> list[pytest.Mark]:
    """The farthest first, so that the nearest one decides."""
    return list(request.node.iter_markers("plugram"))[::-1]


# -- finding the plugins under test ---------------------------------------------------------------


@cache
def _of_project(root: Path, tests: Path) -> list[str]:
    """Those that the project's pyproject.toml names, made importable if they aren't installed;
    else plugin files and folders beside the tests."""
    from core.host.discovery import discover
    from core.host.projects import adopt, project_at

    for folder in (root, tests, tests.parent):
        if project := project_at(folder):
            adopt(project)
            return list(project.plugins)
    for folder in (tests, tests.parent):
        beside = [
            str(one.root)
            for one in discover([folder])
            if one.origin == "path" and not one.root.name.startswith("test_")
        ]
        if beside:
            return beside
    raise pytest.UsageError(
        f"no plugin found in {root}: name it in the pytest settings, plugram_plugins ="
        ' ["my_plugin"], or in a mark, @pytest.mark.plugram(plugins=["my_plugin"])'
    )
