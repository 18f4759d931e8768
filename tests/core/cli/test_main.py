"""The command line as an operator types it: real processes, their output and exit status."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import config
from core.db import database as db
from core.db import migrate
from core.jobs.job import Jobs
from core.jobs.ledger import Ending

ROOT = Path(__file__).parents[3]
TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"
PLUGIN = """
manifest = {
    "id": "dice", "version": "1.2", "summary": "Throws dice", "api": ">=1,<2", "cli": "dice",
    "commands": {"roll": "Throw"},
}
import plugram
import typer
print("woken")

class Settings(plugram.PluginSettings):
    sides: int = 6

@plugram.hookimpl
def cli(ctx):
    app = typer.Typer()

    @app.command()
    def sides():
        print(ctx.settings.sides)

    @app.command()
    async def count(fail: bool = False):
        print(await ctx.db.fetchval("SELECT count(*) FROM people"))
        raise typer.Exit(3 if fail else 0)

    return app
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def plugram(tmp_path: Path) -> Run:
    """`plugram("config check", BOT_TOKEN=…)` in a folder of its own."""

    def run(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / ".venv/bin/plugram", *command.split()],
            env={"PATH": os.environ["PATH"], "PLUGRAM_ROOT": str(tmp_path), **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def dice(tmp_path: Path) -> str:
    """The path of a folder with one plugin."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "dice.py").write_text(PLUGIN)
    return str(folder)


def parsed(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


# -- start --------------------------------------------------------------------------------------

HEAVY = {"aiogram", "aiohttp", "numpy"}
LIGHT = {
    "--help": HEAVY,
    "config check": HEAVY,
    "config show": HEAVY,
    "plugins list": HEAVY,
    "jobs list": HEAVY,
    "doctor": HEAVY - {"numpy"},  # the plugins' own checks use what they use
}


@pytest.mark.parametrize("command", LIGHT)
def test_light_commands_stay_light(plugram: Run, tmp_path: Path, command: str) -> None:
    plugram("db migrate")
    code = (
        "import sys\n"
        "from core.cli import main as cli\n"
        f"status = cli.run({command.split()!r})\n"
        f"print('HEAVY', *sorted({LIGHT[command]!r} & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "PLUGRAM_ROOT": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    *_, heavy = done.stdout.splitlines() or [done.stderr]
    assert heavy.split() == ["HEAVY"], done.stderr


def test_help_names_all_commands(plugram: Run, dice: str) -> None:
    done = plugram("--help", PLUGRAM_PLUGINS__PATHS=dice)
    assert done.returncode == 0
    for name in ("run", "worker", "dev", "doctor", "config", "plugins", "jobs", "db"):
        assert f"│ {name}" in done.stdout
    assert "Throws dice" in done.stdout
    assert "woken" not in done.stdout


def test_unknown_command_is_a_usage_error(plugram: Run) -> None:
    done = plugram("confg")
    assert done.returncode == 2
    assert "Did you mean 'config'?" in done.stderr


def test_foreign_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "__init__.py").touch()
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import core; sys.path.insert(0, '.')\n"
    code += "from core.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert (
        f"the package settings comes from {tmp_path / 'settings'}, not from {ROOT}" in done.stderr
    )
    assert "Traceback" not in done.stderr


# -- config -------------------------------------------------------------------------------------


def test_config_check_tells_everything_once(plugram: Run, tmp_path: Path, dice: str) -> None:
    (tmp_path / "settings.toml").write_text(
        "[default.jobs]\nslot = 1\n[default.plugins.dice]\nside = 2\n"
        "[default.features]\ndise = true\n"
    )
    done = plugram("config check", PLUGRAM_PLUGINS__PATHS=dice, OPENAI_API_KEY="x" * 20)
    assert done.returncode == 2
    assert "settings.toml:2: jobs.slot is not a setting; did you mean jobs.slots?" in done.stderr
    assert "features.dise: there is no plugin 'dise'; did you mean dice?" in done.stderr
    assert "settings.toml:4: plugins.dice.side is not a setting" in done.stderr
    assert "BOT_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr


def test_config_check_as_json(plugram: Run) -> None:
    good = plugram("config check --json", BOT_TOKEN=TOKEN, QDRANT_URL="http://q")
    assert good.returncode == 0
    report = parsed(good)
    assert report["ok"] is True
    assert any("QDRANT_URL is set but unused" in warning for warning in report["warnings"])
    bad = plugram("config check --json", BOT_TOKEN=TOKEN, PLUGRAM_LOG__LEVEL="loud")
    assert bad.returncode == 2
    assert len(parsed(bad)["problems"]) == 1


def test_config_explain(plugram: Run, tmp_path: Path, dice: str) -> None:
    (tmp_path / "settings.toml").write_text("[default.jobs]\nslots = 4\n")
    done = plugram("config explain jobs.slots --json")
    fact = parsed(done)
    assert (fact["value"], fact["from"], fact["default"]) == ("4", "settings.toml:2", "10")
    assert "PLUGRAM_JOBS__SLOTS" in fact["variables"]
    token = parsed(plugram("config explain BOT_TOKEN --json", BOT_TOKEN=TOKEN))
    assert (token["value"], token["from"]) == ("***", "variable BOT_TOKEN")
    variables = {"PLUGRAM_PLUGINS__PATHS": dice, "PLUGRAM_PLUGINS__DICE__SIDES": "8"}
    done = plugram("config explain plugins.dice.sides", **variables)
    assert done.returncode == 0
    assert "variable PLUGRAM_PLUGINS__DICE__SIDES" in done.stdout
    wrong = plugram("config explain jobs.slot")
    assert wrong.returncode == 2
    assert "did you mean jobs.slots?" in wrong.stderr


def test_config_show_masks_secrets(plugram: Run) -> None:
    url = "postgresql://ann:hush-hush@db/bot"
    done = plugram("config show --json", BOT_TOKEN=TOKEN, DATABASE_URL=url)
    shown = parsed(done)
    assert shown["bot.token"]["value"] == "***"
    assert shown["database.url"]["value"] == "postgresql://ann:***@db/bot"
    assert "hush-hush" not in done.stdout + plugram("config show", DATABASE_URL=url).stdout


def test_config_schema(plugram: Run, tmp_path: Path, dice: str) -> None:
    schema = parsed(plugram("config schema --json", PLUGRAM_PLUGINS__PATHS=dice))
    assert "dice" in schema["$defs"]["PluginsSettings"]["properties"]
    done = plugram("config schema --write")
    assert done.returncode == 0
    assert json.loads((tmp_path / ".cache/settings.schema.json").read_text())["title"]


# -- plugins ------------------------------------------------------------------------------------


def test_plugins_list_imports_nothing(plugram: Run, dice: str) -> None:
    Path(dice, "broken.py").write_text('manifest = {"id": "broken"}\n')
    done = plugram("plugins list --json", PLUGRAM_PLUGINS__PATHS=dice)
    found = {plugin["id"]: plugin for plugin in parsed(done)}
    assert found["dice"]["state"] == "on"
    assert found["dice"]["version"] == "1.2"
    assert found["broken"]["state"] == "quarantined"
    assert "version is missing" in found["broken"]["reason"]
    table = plugram("plugins list", PLUGRAM_PLUGINS__PATHS=dice)
    assert "Throws dice" in table.stdout
    assert "woken" not in done.stdout + table.stdout


def test_plugins_info(plugram: Run, dice: str) -> None:
    facts = parsed(plugram("plugins info dice --json", PLUGRAM_PLUGINS__PATHS=dice))
    assert facts["commands"]["roll"]["description"] == "Throw"
    wrong = plugram("plugins info dise", PLUGRAM_PLUGINS__PATHS=dice)
    assert wrong.returncode == 2
    assert "did you mean dice?" in wrong.stderr


def test_plugins_check_names_what_is_wrong(plugram: Run, dice: str) -> None:
    assert plugram("plugins check dice", PLUGRAM_PLUGINS__PATHS=dice).returncode == 0
    Path(dice, "dice.py").write_text(PLUGIN.replace("def cli(ctx)", "def klee(ctx)"))
    done = plugram("plugins check dice", PLUGRAM_PLUGINS__PATHS=dice)
    assert done.returncode == 1
    assert "klee" in done.stdout


def test_enable_and_disable_keep_the_file_as_it_is(plugram: Run, tmp_path: Path, dice: str) -> None:
    original = (
        "# Our bot.\n\n[default]   # everywhere\ndata_dir = 'data'\n\n"
        "[default.features]\n# dice = true  # fun\n\n[production]\n"
    )
    path = tmp_path / "settings.toml"
    path.write_text(original)
    path.chmod(0o640)
    Path(dice, "dice.py").write_text(PLUGIN + "\nsyntax error here\n")  # broken: no import needed
    done = plugram("plugins disable dice", PLUGRAM_PLUGINS__PATHS=dice)
    assert done.returncode == 0, done.stderr
    text = path.read_text()
    assert [line for line in original.splitlines() if line not in text.splitlines()] == []
    assert "\ndice = false\n" in text
    assert path.stat().st_mode & 0o777 == 0o640
    states = {
        p["id"]: p["state"]
        for p in parsed(plugram("plugins list --json", PLUGRAM_PLUGINS__PATHS=dice))
    }
    assert states["dice"] == "off"
    assert plugram("plugins enable dice", PLUGRAM_PLUGINS__PATHS=dice).returncode == 0
    assert path.read_text() == text.replace("dice = false", "dice = true")


def test_enable_without_a_settings_file(plugram: Run, tmp_path: Path, dice: str) -> None:
    assert plugram("plugins disable dice", PLUGRAM_PLUGINS__PATHS=dice).returncode == 0
    assert (tmp_path / "settings.toml").read_text() == "[default.features]\ndice = false\n"


def test_disable_where_another_source_decides(plugram: Run, tmp_path: Path, dice: str) -> None:
    (tmp_path / "settings.toml").write_text("[default]\n[production.features]\ndice = true\n")
    done = plugram("plugins disable dice", PLUGRAM_PLUGINS__PATHS=dice)
    assert done.returncode == 0
    assert "[production.features]\ndice = false" in (tmp_path / "settings.toml").read_text()
    variables = {"PLUGRAM_PLUGINS__PATHS": dice, "PLUGRAM_FEATURES__DICE": "true"}
    done = plugram("plugins disable dice", **variables)
    assert done.returncode == 1
    assert "PLUGRAM_FEATURES__DICE says otherwise" in done.stderr


def test_flags_tell_who_has_what_and_why(plugram: Run, tmp_path: Path, dice: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        "[default.features]\nocr = false\n"
        "[production.features.dice]\nusers = [1, 2]\npercent = 20\n"
    )

    def run(command: str) -> Any:
        return parsed(plugram(command, PLUGRAM_PLUGINS__PATHS=dice))

    rows = {row["plugin"]: row for row in run("flags list --json")}
    assert rows["dice"] == {
        "plugin": "dice",
        "for": "2 users, 20 %",
        "from": "settings.toml:4",
    }
    assert rows["files"]["for"] == "everybody"
    assert "ocr" not in rows
    told = run("flags for 1 --json")
    assert told["dice"] == {"on": True, "why": "user 1 is named"}
    assert told["ocr"] == {"on": False, "why": "off for everybody: settings.toml:2"}
    shares = run("flags for 3 --chat -100 --json")["dice"]["why"]
    assert "the first 20 %" in shares
    explained = run("config explain features.dice --json")
    assert explained["value"] == "{ users = [1, 2], percent = 20.0 }"
    assert explained["from"] == "settings.toml:4"
    listed = plugram("plugins list", PLUGRAM_PLUGINS__PATHS=dice).stdout
    assert "on for 2 users, 20 %" in listed
    assert "Nothing was imported" in listed
    assert run("plugins info dice --json")["for"] == "2 users, 20 %"
    assert plugram("plugins enable dice", PLUGRAM_PLUGINS__PATHS=dice).returncode == 0
    assert "dice = true" in path.read_text()


# -- database and jobs --------------------------------------------------------------------------


def test_db_migrate_and_status(plugram: Run, database_url: str) -> None:
    before = plugram("db status --json", DATABASE_URL=database_url)
    assert before.returncode == 1
    assert {m["state"] for m in parsed(before)["migrations"]} == {"missing"}
    done = plugram("db migrate", DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    assert "core 0001_jobs" in done.stdout
    assert plugram("db migrate", DATABASE_URL=database_url).stdout == "Nothing to migrate.\n"
    assert plugram("db status", DATABASE_URL=database_url).returncode == 0


def test_database_that_is_away(plugram: Run) -> None:
    done = plugram("db status", DATABASE_URL="postgresql://u:hush-hush@127.0.0.1:9/d")
    assert done.returncode == 1
    assert "Error:" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush-hush" not in done.stderr


def test_jobs(plugram: Run, database_url: str, tmp_path: Path) -> None:
    empty = plugram("jobs list", DATABASE_URL=database_url)
    assert (empty.returncode, empty.stdout) == (0, "There are no jobs.\n")
    ids = asyncio.run(_some_jobs(database_url, tmp_path))
    listed = parsed(plugram("jobs list --json", DATABASE_URL=database_url))
    assert [row["id"] for row in listed["jobs"]] == sorted(ids.values(), reverse=True)
    assert listed["counts"]["dead"] == 1
    table = plugram("jobs list --state dead", DATABASE_URL=database_url).stdout
    assert "files.process" in table
    assert "no room left" in table
    assert (
        parsed(plugram("jobs dead --json", DATABASE_URL=database_url))["jobs"][0]["id"]
        == ids["dead"]
    )
    shown = plugram(f"jobs show {ids['dead']}", DATABASE_URL=database_url).stdout
    assert "file_id" in shown
    assert plugram("jobs show 999", DATABASE_URL=database_url).returncode == 1

    retried = plugram(f"jobs retry {ids['dead']}", DATABASE_URL=database_url)
    assert (retried.returncode, retried.stdout) == (0, "1 job queued again.\n")
    cancelled = plugram(f"jobs cancel {ids['queued']} 999 --json", DATABASE_URL=database_url)
    assert cancelled.returncode == 1
    assert parsed(cancelled) == {"cancelled": 1, "refused": [999]}
    counts = parsed(plugram("jobs list --json", DATABASE_URL=database_url))["counts"]
    assert (counts["queued"], counts["cancelled"], counts["running"]) == (1, 1, 2)


def test_jobs_that_are_stuck(plugram: Run, database_url: str, tmp_path: Path) -> None:
    ids = asyncio.run(_some_jobs(database_url, tmp_path))
    stuck = plugram("jobs reset-stuck", DATABASE_URL=database_url, COLUMNS="120")
    assert stuck.returncode == 0
    said = " ".join(stuck.stdout.split())
    assert f"{ids['stuck']} files.store runs again, alone 1 its worker gone died" in said
    assert said.endswith("1 job taken back. 1 job at live workers left alone.")
    again = parsed(plugram("jobs reset-stuck --json", DATABASE_URL=database_url))
    assert again == {"taken_back": 0, "running": 1, "jobs": []}
    counts = parsed(plugram("jobs list --json", DATABASE_URL=database_url))["counts"]
    assert (counts["suspect"], counts["running"]) == (1, 1)


async def _some_jobs(url: str, tmp_path: Path) -> dict[str, int]:
    """One waits, one is dead, one runs on a worker that isn't there any more."""
    settings = config.load(root=tmp_path, env={"DATABASE_URL": url})
    async with db.build(settings) as database:
        await migrate.apply(database)
        jobs = Jobs(database)
        ids = {"dead": await jobs.enqueue("files.process", {"file_id": 7})}
        (claim,) = await jobs.ledger.claim("w1", ["files.process"], 1)
        await jobs.ledger.finish(Ending(claim.id, claim.token, "dead", error="no room left"))
        ids["stuck"] = await jobs.enqueue("files.store", {"file_id": 8})
        await jobs.ledger.claim("gone", ["files.store"], 1)
        ids["queued"] = await jobs.enqueue("files.process", {"file_id": 9})
        ids["alive"] = await jobs.enqueue("files.tidy")
        facts: dict[str, Any] = {"host": "h", "pid": 1, "slots": 1, "names": [], "lease": 600}
        await jobs.ledger.register("alive", **facts)
        await jobs.ledger.claim("alive", ["files.tidy"], 1)
        return ids


# -- commands of plugins ------------------------------------------------------------------------


def test_commands_of_a_plugin(plugram: Run, dice: str) -> None:
    variables = {"PLUGRAM_PLUGINS__PATHS": dice, "PLUGRAM_PLUGINS__DICE__SIDES": "20"}
    done = plugram("dice sides", **variables)
    assert (done.returncode, done.stdout.split()) == (0, ["woken", "20"]), done.stderr
    done = plugram("dice count --fail", **variables)
    assert (done.returncode, done.stdout.split()) == (3, ["woken", "0"]), done.stderr
    done = plugram("dice --help", **variables)
    assert done.returncode == 0
    assert "count" in done.stdout
    assert plugram("dice nothing", **variables).returncode == 2
    Path(dice, "dice.py").write_text(PLUGIN.replace('print("woken")', "1 / 0"))
    done = plugram("dice sides", **variables)
    assert done.returncode == 1
    assert "Plugin dice is set aside: ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr


# -- running ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "worker"])
def test_missing_values_stop_the_start_in_one_report(
    plugram: Run, tmp_path: Path, command: str
) -> None:
    (tmp_path / "settings.toml").write_text(
        "[default.web]\nprot = 1\n[default.plugins.menu]\nx = 1\n"
    )
    done = plugram(command)
    assert done.returncode == 2
    assert "bot.token is missing" in done.stderr
    assert "settings.toml:2: web.prot is not a setting; did you mean web.port?" in done.stderr
    assert "plugins.menu" in done.stderr
    assert "Traceback" not in done.stderr


# -- folders and names that aren't as they should be --------------------------------------------


def test_a_data_folder_that_cant_be_made_is_named(plugram: Run, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    done = plugram("jobs list")
    assert done.returncode == 1
    assert f"{tmp_path / 'data'}" in done.stderr
    assert "PLUGRAM_DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_groups_are_let_in_by_their_number_and_names_are_no_markup(plugram: Run) -> None:
    on = {"PLUGRAM_FEATURES__ACCESS": "true", "BOT_TOKEN": "123456:" + "A" * 35}
    done = plugram("access allow -1001234567890 --name [/x]", **on)
    assert (done.returncode, done.stdout) == (0, "-1001234567890 may come in.\n"), done.stderr
    listed = plugram("access list", **on)
    assert "[/x]" in listed.stdout, listed.stderr
    assert plugram("access revoke -- -1001234567890", **on).returncode == 0
    refused = plugram("access allow --nam x 7", **on)
    assert refused.returncode == 2
