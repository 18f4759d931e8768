from __future__ import annotations

import builtins
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigError, PluginError, RoleError
from core.host.loader import Loader, LoadReport, within
from core.host.plugin import Plugin
from tests.conftest import SettingsFactory
from tests.core.kit import context, forget_modules, write_file, write_room

HEAD = """
    import plugram
    events = []
"""
NOTES = """
    @plugram.hookimpl
    async def on_startup(ctx):
        events.append("startup")

    @plugram.hookimpl
    async def on_ready(ctx):
        events.append("ready")

    @plugram.hookimpl
    async def on_shutdown(ctx):
        events.append("shutdown")
"""


@pytest.fixture(autouse=True)
def no_leftovers() -> Iterator[None]:
    forget_modules()
    yield
    forget_modules()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    return made


Make = Callable[..., Loader]


@pytest.fixture
def make(tmp_path: Path, folder: Path, settings_factory: SettingsFactory) -> Make:
    """A loader over `folder`, without built-in plugins."""
    built_in = tmp_path / "built_in"
    built_in.mkdir()

    def build(*, safe_mode: bool = False, **overrides: Any) -> Loader:
        overrides = {"plugins__paths": [str(folder)], "hooks__start_timeout": 1, **overrides}
        return Loader(settings_factory(**overrides), safe_mode=safe_mode, built_in=built_in)

    return build


def load(loader: Loader) -> LoadReport:
    return loader.load(lambda plugin: context(plugin, loader.hooks, services=loader.services))


def loaded(report: LoadReport) -> list[str]:
    return [plugin.id for plugin in report.plugins]


def reasons(report: LoadReport) -> dict[str, str]:
    return {quarantine.id: quarantine.reason for quarantine in report.quarantined}


def stages(report: LoadReport) -> dict[str, str]:
    return {quarantine.id: quarantine.stage for quarantine in report.quarantined}


def events(plugin: Plugin | None) -> list[str]:
    assert plugin is not None
    found: list[str] = plugin.module.events
    return found


# -- what loads -----------------------------------------------------------------------------------


async def test_a_file_and_a_package_live_from_start_to_stop(make: Make, folder: Path) -> None:
    write_file(folder, "single", HEAD + NOTES)
    write_room(
        folder,
        "room",
        {
            "__init__.py": HEAD + "    from .service import answer\n" + NOTES,
            "service.py": "answer = 42",
        },
    )
    loader = make()
    report = load(loader)
    assert loaded(report) == ["room", "single"]
    assert report.quarantined == []
    await loader.startup()
    await loader.ready()
    await loader.shutdown()
    await loader.shutdown()
    for plugin in report.plugins:
        assert events(plugin) == ["startup", "ready", "shutdown"]
    assert report.plugins[0].module.answer == 42
    assert report.plugins[0].module.__name__ == "plugram_path_room"


async def test_start_is_in_load_order_and_stop_in_reverse(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        import builtins, plugram
        @plugram.hookimpl
        async def on_startup(ctx):
            builtins.order.append("+" + ctx.plugin_id)
        @plugram.hookimpl
        async def on_shutdown(ctx):
            builtins.order.append("-" + ctx.plugin_id)
    """
    write_file(folder, "aa", code, requires={"plugins": ["bb"]})
    write_file(folder, "bb", code)
    order: list[str] = []
    monkeypatch.setattr(builtins, "order", order, raising=False)
    loader = make()
    load(loader)
    await loader.startup()
    await loader.shutdown()
    assert order == ["+bb", "+aa", "-aa", "-bb"]


def test_modules_of_paths_hide_no_installed_ones(make: Make, folder: Path) -> None:
    write_file(folder, "json", "import json as real\nloads = real.loads")
    report = load(make())
    assert report.plugins[0].module.loads('"x"') == "x"
    assert sys.modules["json"] is not report.plugins[0].module


def test_a_submodule_with_the_name_of_a_hook_hides_it_not(make: Make, folder: Path) -> None:
    write_room(
        folder,
        "room",
        {
            "__init__.py": """
                import plugram
                @plugram.hookimpl
                def jobs(ctx):
                    return [answer]
                from .jobs import answer
            """,
            "jobs.py": """
                import plugram
                @plugram.job
                async def answer(ctx, job): ...
            """,
        },
    )
    [room] = load(make()).plugins
    assert not callable(room.module.jobs)
    assert [spec.name for spec in room.parts.jobs] == ["answer"]


def test_switched_off_plugins_are_not_imported(make: Make, folder: Path) -> None:
    write_file(folder, "off", "raise SystemExit('imported')")
    report = load(make(features__off=False))
    assert loaded(report) == []
    assert report.quarantined == []
    assert [candidate.id for candidate in report.disabled] == ["off"]
    assert "plugram_path_off" not in sys.modules


def test_safe_mode_imports_no_foreign_plugin(make: Make, folder: Path) -> None:
    write_file(folder, "foreign", "raise SystemExit('imported')")
    assert loaded(load(make(safe_mode=True))) == []


# -- settings -------------------------------------------------------------------------------------

SETTINGS = """
    import plugram
    from pydantic import Field

    class Settings(plugram.PluginSettings):
        size: int = Field(3, ge=1, le=10, description="How many.")
"""


def test_settings_come_validated_from_their_section(make: Make, folder: Path) -> None:
    write_file(folder, "single", SETTINGS)
    write_room(folder, "room", {"settings.py": SETTINGS})
    write_file(folder, "none")
    report = load(make(plugins__single__size=7))
    settings = {plugin.id: plugin.ctx.settings for plugin in report.plugins}
    assert settings["single"].size == 7
    assert settings["room"].size == 3
    assert settings["none"] is None


def test_wrong_settings_set_a_foreign_plugin_aside(make: Make, folder: Path) -> None:
    write_file(folder, "single", SETTINGS)
    write_file(folder, "other")
    report = load(make(plugins__single__size=70))
    assert loaded(report) == ["other"]
    assert stages(report) == {"single": "settings"}
    assert "plugins.single.size" in reasons(report)["single"]


def test_wrong_settings_of_built_in_plugins_stop_the_start_all_at_once(
    tmp_path: Path, settings_factory: SettingsFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = tmp_path / "our_rooms"
    for name in ("aa", "bb"):
        write_room(rooms, name, {"settings.py": SETTINGS})
    (rooms / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = settings_factory(plugins__aa__size=70, plugins__bb__sise=7, plugins__cc__x=1)
    with pytest.raises(ConfigError) as caught:
        load(Loader(settings, built_in=rooms))
    found = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 3
    assert "plugins.aa.size" in found
    assert "size" in next(line for line in caught.value.problems if "sise" in line)
    assert "there is no plugin 'cc'" in found


# -- what is set aside ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "stage", "said"),
    [
        ("import no_such_module", "import", "ModuleNotFoundError: No module named"),
        ("1 / 0", "import", "ZeroDivisionError"),
        ("raise SystemExit(3)", "import", "ended with SystemExit: 3"),
        ("import time; time.sleep(5)", "import", "importing bad didn't end within 1 s"),
        (
            "import plugram\n@plugram.hookimpl\nasync def on_strtup(ctx): ...",
            "register",
            "on_strtup",
        ),
        ("import plugram\n@plugram.hookimpl\ndef on_startup(ctx): ...", "register", "`async def`"),
        ("import plugram\n@plugram.hookimpl\nasync def on_startup(cx): ...", "register", "cx"),
        (
            "import plugram\n@plugram.hookimpl\ndef preferences(ctx): return ['x']",
            "register",
            "hook preferences returned 'x', which is no Preference",
        ),
        (
            "import plugram\n@plugram.hookimpl\ndef preferences(ctx): return 'xyz'",
            "register",
            "hook preferences must return a list of Preference",
        ),
        (
            "import plugram\nasync def x(ctx, job): ...\nj = plugram.job(x)\n"
            "@plugram.hookimpl\ndef jobs(ctx): return [j, plugram.job(x)]",
            "register",
            "has several jobs called x",
        ),
        (
            "import plugram, time\n@plugram.hookimpl\ndef preferences(ctx): time.sleep(5)",
            "register",
            "registering bad didn't end within 1 s",
        ),
        (
            "import plugram\n@plugram.hookimpl\n"
            "def services(ctx): return [plugram.Provide(plugram.BlobStore, 1)]",
            "register",
            "provides blob_store, which its manifest doesn't say",
        ),
    ],
)
def test_a_broken_plugin_is_set_aside_and_the_rest_loads(
    make: Make, folder: Path, code: str, stage: str, said: str
) -> None:
    write_file(folder, "bad", code)
    write_file(folder, "good", HEAD + NOTES)
    write_file(folder, "needs", requires={"plugins": ["bad"]})
    started = time.monotonic()
    loader = make()
    report = load(loader)
    assert time.monotonic() - started < 4
    assert loaded(report) == ["good"]
    assert stages(report) == {"bad": stage, "needs": "order"}
    assert said in reasons(report)["bad"]
    assert reasons(report)["needs"].startswith("needs the plugin bad, which is quarantined: ")


def test_a_context_that_cannot_be_made_sets_its_plugin_aside(make: Make, folder: Path) -> None:
    write_file(folder, "aa")
    write_file(folder, "bb")
    loader = make()

    def refuse_aa(plugin: Plugin) -> Any:
        if plugin.id == "aa":
            raise ValueError("no room")
        return context(plugin)

    assert loaded(loader.load(refuse_aa)) == ["bb"]
    assert reasons(loader.report) == {"aa": "ValueError: no room"}


START = """
    import asyncio, plugram
    @plugram.hookimpl
    async def on_startup(ctx):
        await asyncio.sleep({seconds})
        raise {error}
"""


@pytest.mark.parametrize(
    ("seconds", "error", "said"),
    [
        (0, 'OSError("port taken")', "OSError: port taken"),
        (0, "SystemExit(3)", "sys.exit(3)"),
        (60, "OSError", "on_startup didn't end within 1 s"),
    ],
)
async def test_a_failing_or_hanging_start_sets_the_plugin_aside(
    make: Make, folder: Path, seconds: int, error: str, said: str
) -> None:
    write_file(folder, "bad", START.format(seconds=seconds, error=error))
    write_file(folder, "good", HEAD + NOTES)
    write_file(folder, "needs", HEAD + NOTES, requires={"plugins": ["bad"]})
    loader = make()
    report = load(loader)
    needs = report.find("needs")
    await loader.startup()
    assert loaded(report) == ["good"]
    assert stages(report) == {"bad": "start", "needs": "order"}
    assert said in reasons(report)["bad"]
    assert events(needs) == []
    assert needs is not None
    assert not needs.gate()
    await loader.shutdown()


async def test_quarantine_is_told_once_to_those_who_listen(make: Make, folder: Path) -> None:
    write_file(folder, "bad", "1 / 0")
    write_file(
        folder,
        "admin2",
        """
        import plugram
        told = []
        @plugram.hookimpl
        async def on_plugin_quarantined(plugin_id, reason, cause):
            told.append((plugin_id, reason, cause))
        """,
    )
    loader = make()
    report = load(loader)
    await loader.startup()
    await loader.ready()
    await loader.ready()
    told = report.plugins[0].module.told
    assert told == [
        ("bad", "ZeroDivisionError: division by zero", f"import:{reasons(report)['bad']}")
    ]


async def test_a_failing_stop_keeps_the_others_stopping(make: Make, folder: Path) -> None:
    write_file(folder, "aa", HEAD + NOTES)
    write_file(
        folder,
        "bb",
        """
        import plugram
        @plugram.hookimpl
        async def on_shutdown(ctx):
            raise OSError("stuck")
        """,
    )
    loader = make()
    report = load(loader)
    await loader.startup()
    await loader.shutdown()
    assert events(report.plugins[0]) == ["startup", "shutdown"]


# -- required plugins -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "more", "said"),
    [
        ("1 / 0", {}, "vital: ZeroDivisionError: division by zero"),
        ("", {"features__vital": False}, "vital: it is off"),
        ("import plugram\n@plugram.hookimpl\ndef on_ready(ctx): ...", {}, "vital: PluginError"),
    ],
)
def test_a_required_plugin_that_cannot_load_stops_the_start(
    make: Make, folder: Path, code: str, more: dict[str, Any], said: str
) -> None:
    write_file(folder, "vital", code)
    with pytest.raises(PluginError, match="a required plugin can't be loaded") as caught:
        load(make(plugins__required=["vital"], **more))
    assert said in str(caught.value)
    assert "[plugins] required" in caught.value.hint


def test_a_vital_plugin_stops_the_start_unless_it_is_off(make: Make, folder: Path) -> None:
    write_file(folder, "door", "1 / 0", vital=True)
    with pytest.raises(PluginError, match="door: ZeroDivisionError"):
        load(make())
    assert load(make(features__door=False)).find("door") is None


def test_a_required_plugin_that_nobody_knows(make: Make) -> None:
    with pytest.raises(ConfigError, match="there is no plugin 'vital'"):
        load(make(plugins__required=["vital"]))


async def test_a_required_plugin_that_cannot_start_stops_the_start(
    make: Make, folder: Path
) -> None:
    write_file(folder, "vital", START.format(seconds=0, error='OSError("port taken")'))
    loader = make(plugins__required=["vital"])
    load(loader)
    with pytest.raises(PluginError, match="vital: OSError: port taken"):
        await loader.startup()


# -- services -------------------------------------------------------------------------------------

PROVIDES = """
    import plugram

    class Store:
        async def put(self, key, source): ...
        def open(self, key): ...
        async def fetch(self, key, target): ...
        async def delete(self, key): ...
        async def exists(self, key): ...
        async def link(self, key, *, name, mime): ...
        def gives_links(self): ...
        def walk(self): ...

    @plugram.hookimpl
    def services(ctx):
        return [plugram.Provide(plugram.BlobStore, Store())]{condition}
"""


def test_roles_are_provided_before_those_who_need_them_register(make: Make, folder: Path) -> None:
    write_file(folder, "store", PROVIDES.format(condition=""), provides=["blob_store"])
    write_file(
        folder,
        "archive",
        """
        import plugram
        @plugram.hookimpl
        def preferences(ctx):
            ctx.require(plugram.BlobStore)
            return [plugram.Preference("order", ("new", "old"), "new")]
        """,
        requires={"roles": ["blob_store"]},
    )
    report = load(make())
    assert loaded(report) == ["store", "archive"]
    assert report.plugins[1].parts.preferences[0].default == "new"


def test_a_role_that_is_promised_and_not_provided(make: Make, folder: Path) -> None:
    write_file(folder, "store", PROVIDES.format(condition="[:0]"), provides=["blob_store"])
    write_file(folder, "archive", requires={"roles": ["blob_store"]})
    report = load(make())
    assert loaded(report) == ["store"]
    assert "needs the role blob_store: nobody provides blob_store" in reasons(report)["archive"]


async def test_services_of_a_plugin_that_fails_to_start_are_withdrawn(
    make: Make, folder: Path
) -> None:
    from core.host.roles import BlobStore

    code = PROVIDES.format(condition="") + START.format(seconds=0, error='OSError("port taken")')
    write_file(folder, "store", code, provides=["blob_store"])
    write_file(folder, "archive", requires={"roles": ["blob_store"]})
    loader = make()
    load(loader)
    loader.services.require(BlobStore)
    await loader.startup()
    assert loaded(loader.report) == []
    with pytest.raises(RoleError):
        loader.services.require(BlobStore)


def test_processors_of_plugins_that_are_not_installed_are_refused(make: Make, folder: Path) -> None:
    write_file(
        folder,
        "reads",
        """
        import plugram
        @plugram.hookimpl
        def processors(ctx):
            return [plugram.Processor("x", ("text/x",), __name__ + ":read")]
        """,
    )
    assert "install the plugin as a package" in reasons(load(make()))["reads"]


# -- names ----------------------------------------------------------------------------------------

ROUTERS = """
    import plugram
    @plugram.hookimpl
    def routers(ctx):
        from aiogram import Router
        from aiogram.filters import Command
        router = Router()
        @router.message(Command("roll"))
        async def roll(message): ...
        return [router]
"""


def test_an_alias_frees_a_command_in_menu_and_handlers(make: Make, folder: Path) -> None:
    from core.host.renaming import command_filters

    write_file(folder, "cards", ROUTERS, commands={"roll": "Roll"})
    write_file(folder, "dice", ROUTERS, commands={"roll": "Roll"})
    assert loaded(load(make())) == ["cards"]
    forget_modules()
    loader = make(plugins__dice__aliases__roll="dice_roll")
    report = load(loader)
    found = {
        plugin.id: [name for filter_ in command_filters(routers) for name in filter_.commands]
        for plugin, routers in loader.routers()
    }
    assert found == {"cards": ["roll"], "dice": ["dice_roll"]}
    [command] = report.plugins[1].commands
    assert (command.name, command.original, command.message) == (
        "dice_roll",
        "roll",
        "command-roll",
    )


def test_names_that_mean_nothing_are_problems_of_the_settings(make: Make, folder: Path) -> None:
    write_file(folder, "dice", ROUTERS, commands={"roll": "Roll"})
    with pytest.raises(ConfigError) as caught:
        load(make(plugins__dice__aliases__roll="my dice!", roles__embeder="dice"))
    assert caught.value.problems == [
        "PLUGRAM_ROLES__EMBEDER: roles.embeder: there is no role 'embeder'",
        "PLUGRAM_PLUGINS__DICE__ALIASES__ROLL: plugins.dice.aliases.roll: "
        "Telegram takes 1 to 32 of a-z, 0-9 and _, not 'my dice!'",
    ]


def test_commands_added_in_code_clash_too(make: Make, folder: Path) -> None:
    write_file(folder, "aa", commands={"roll": "Roll"})
    write_file(
        folder,
        "bb",
        """
        import plugram
        @plugram.hookimpl
        def commands(ctx):
            return [plugram.Command("roll", "Roll")]
        """,
    )
    assert "its command /roll is taken by aa" in reasons(load(make()))["bb"]
    forget_modules()
    report = load(make(plugins__bb__aliases__roll="bb_roll"))
    assert [command.name for command in report.plugins[1].commands] == ["bb_roll"]


def test_broken_routers_set_their_plugin_aside(make: Make, folder: Path) -> None:
    write_file(folder, "bad", "import plugram\n@plugram.hookimpl\ndef routers(ctx): return [1]")
    write_file(folder, "none")
    write_file(folder, "good", ROUTERS)
    loader = make()
    report = load(loader)
    found = loader.routers()
    assert [(plugin.id, len(routers)) for plugin, routers in found] == [("good", 1), ("none", 0)]
    assert "hook routers returned 1, which is no Router" in reasons(report)["bad"]


def test_the_cli_group_is_asked_for_when_it_is_needed(make: Make, folder: Path) -> None:
    write_file(
        folder,
        "tools",
        """
        import plugram
        @plugram.hookimpl
        def cli(ctx):
            import typer
            return typer.Typer(name=ctx.plugin_id)
        """,
        cli="tools",
    )
    loader = make(plugins__tools__aliases__tools="gear")
    report = load(loader)
    assert report.plugins[0].cli_name == "gear"
    group = loader.cli(report.plugins[0])
    assert group is not None
    assert group.info.name == "tools"


def test_locales_and_tables_of_rooms_are_known(make: Make, folder: Path) -> None:
    write_room(
        folder,
        "room",
        {
            "locales/en.ftl": "room-hello = Hello",
            "models.py": "",
            "migrations/sqlite/0001_x.sql": "CREATE TABLE room_x (id INT);",
        },
    )
    write_file(folder, "single")
    loader = make()
    load(loader)
    assert loader.i18n.bound("ru")("room-hello") == "Hello"
    [tables] = loader.tables()
    assert tables.plugin_id == "room"
    assert tables.models_module == "plugram_path_room.models"
    assert tables.migrations_package == "plugram_path_room.migrations"


# -- without importing ----------------------------------------------------------------------------


def test_inspect_tells_the_state_without_importing(make: Make, folder: Path) -> None:
    write_file(folder, "on", "raise SystemExit('imported')")
    write_file(folder, "off")
    write_file(folder, "old", api="<1")
    loader = make(features__off=False)
    found = {one.id: loader.inspect(one) for one in loader.discover()}
    assert {name: inspection.state for name, inspection in found.items()} == {
        "on": "on",
        "off": "off",
        "old": "quarantined",
    }
    assert "speaks plugin API <1" in found["old"].reason


def test_check_lists_what_keeps_a_plugin_from_being_published(make: Make, folder: Path) -> None:
    room = write_room(
        folder,
        "room",
        {
            "settings.py": """
                class Settings(PluginSettings):
                    size: int = Field(3, description="How many.")
                    depth: int = 3
            """,
            "locales/en.ftl": "room-hello = Hello",
            "locales/ru.ftl": "room-hello = Привет",
        },
    )
    loader = make()
    [candidate] = loader.discover()
    assert loader.check(candidate) == [
        "it has no README.md that says what it does (beside plugin.toml, or named by "
        "pyproject.toml; a single file has its docstring)",
        'setting depth has no description (Field(…, description="…"))',
        "room: es.ftl: room-hello is missing",
    ]
    (room / "README.md").write_text("Rooms. `depth`: how deep.")
    told = loader.check(candidate)
    assert any(one.startswith("setting size isn't in the README") for one in told)


# -- the time limit -------------------------------------------------------------------------------


def test_within_passes_results_and_exceptions() -> None:
    assert within(1, lambda: 42, "work") == 42
    with pytest.raises(ZeroDivisionError):
        within(1, lambda: 1 / 0, "work")


def test_within_leaves_what_hangs_behind() -> None:
    release = threading.Event()
    with pytest.raises(PluginError, match="work didn't end within"):
        within(0.05, lambda: release.wait(10), "work")
    release.set()
