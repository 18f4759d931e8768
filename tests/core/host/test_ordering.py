from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.host.discovery import Candidate
from core.host.ordering import CORE_CLI, Lineup, line_up, tables
from core.host.plugin import Manifest
from tests.core.kit import manifest, write_room


@dataclass
class Said:
    features: Mapping[str, bool] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def aliases(self, plugin_id: str) -> Mapping[str, str]:
        return self.renamed.get(plugin_id, {})


def found(
    plugin_id: str, origin: Any = "built-in", root: Path = Path("/nowhere"), **more: Any
) -> Candidate:
    return Candidate(plugin_id, origin, root, plugin_id, Manifest(**manifest(plugin_id, **more)))


def arrange(*candidates: Candidate, safe_mode: bool = False, **said: Any) -> Lineup:
    return line_up(candidates, Said(**said), safe_mode=safe_mode)


def ids(lineup: Lineup) -> list[str]:
    return [candidate.id for candidate in lineup.order]


def reasons(lineup: Lineup) -> dict[str, str]:
    return {quarantine.id: quarantine.reason for quarantine in lineup.quarantined}


# -- who is on ------------------------------------------------------------------------------------


def test_everything_is_on_that_features_do_not_switch_off() -> None:
    lineup = arrange(found("aa"), found("bb", "installed"), found("cc"), features={"cc": False})
    assert ids(lineup) == ["aa", "bb"]
    assert [candidate.id for candidate in lineup.disabled] == ["cc"]


def test_a_manifest_may_wait_to_be_switched_on() -> None:
    assert ids(arrange(found("aa", default=False))) == []
    assert ids(arrange(found("aa", default=False), features={"aa": True})) == ["aa"]


def test_safe_mode_loads_built_in_plugins_alone() -> None:
    lineup = arrange(found("aa"), found("bb", "installed"), found("cc", "path"), safe_mode=True)
    assert ids(lineup) == ["aa"]
    assert [candidate.id for candidate in lineup.disabled] == ["bb", "cc"]


# -- order ----------------------------------------------------------------------------------------


def test_dependencies_come_first_and_ties_go_by_id() -> None:
    candidates = [
        found("aa", requires={"plugins": ["zz"]}),
        found("bb", after=["yy", "not_there"]),
        found("cc", requires={"roles": ["store"]}),
        found("xx", provides=["store"]),
        found("yy"),
        found("zz"),
    ]
    for seed in range(5):
        random.Random(seed).shuffle(candidates)
        assert ids(arrange(*candidates)) == ["xx", "cc", "yy", "bb", "zz", "aa"]


def test_a_role_waits_for_the_provider_that_settings_choose() -> None:
    candidates = [
        found("bb", requires={"roles": ["store"]}),
        found("aa", provides=["store"], after=["bb"]),
        found("cc", provides=["store"]),
    ]
    assert ids(arrange(*candidates, roles={"store": "cc.fast"})) == ["cc", "bb", "aa"]


def test_a_circle_names_its_path_and_costs_the_others_nothing() -> None:
    lineup = arrange(
        found("aa", requires={"plugins": ["bb"]}),
        found("bb", requires={"plugins": ["cc"]}),
        found("cc", requires={"plugins": ["aa"]}),
        found("dd"),
        found("ee", requires={"plugins": ["aa"]}),
    )
    assert ids(lineup) == ["dd"]
    assert reasons(lineup)["aa"] == "needs itself in a circle: aa → bb → cc → aa"
    assert reasons(lineup)["ee"].startswith(
        "needs the plugin aa, which is quarantined: needs itself"
    )


# -- what can't load ------------------------------------------------------------------------------


def test_missing_requirements_are_passed_on_with_the_reason() -> None:
    lineup = arrange(
        found("aa", requires={"plugins": ["gone"]}),
        found("bb", requires={"plugins": ["aa"]}),
        found("cc", requires={"plugins": ["off"]}),
        found("dd", requires={"roles": ["embedder"]}),
        found("ee", requires={"plugins": ["offf"]}),
        found("ff", requires={"roles": ["blob_stor"]}),
        found("off"),
        found("store", provides=["blob_store"]),
        features={"off": False},
    )
    assert ids(lineup) == ["store"]
    assert reasons(lineup) == {
        "aa": "needs the plugin gone, which isn't installed",
        "bb": "needs the plugin aa, which is quarantined: "
        "needs the plugin gone, which isn't installed",
        "cc": "needs the plugin off, which is off; [features] off = true switches it on",
        "dd": "needs the role embedder, which no plugin that is on provides",
        "ee": "needs the plugin offf, which isn't installed; did you mean off?",
        "ff": "needs the role blob_stor, which no plugin that is on provides;"
        " did you mean blob_store?",
    }
    assert {quarantine.stage for quarantine in lineup.quarantined} == {"order"}


def test_broken_manifests_other_api_versions_and_missing_packages() -> None:
    lineup = arrange(
        Candidate("aa", "path", Path("/x.py"), "aa", error="no manifest"),
        found("bb", api=">=2"),
        found("cc", extras=["magic"]),
        found("dd", requires={"plugins": ["aa"]}),
    )
    assert reasons(lineup)["aa"] == "no manifest"
    assert "speaks plugin API >=2, this host speaks 1.0" in reasons(lineup)["bb"]
    assert reasons(lineup)["cc"] == "extras: plugram has no extra magic"
    assert reasons(lineup)["dd"] == "needs the plugin aa, which is quarantined: no manifest"


def test_the_second_with_the_same_id_stays_out() -> None:
    lineup = arrange(found("aa"), found("aa", "path", Path("/elsewhere")))
    assert [candidate.origin for candidate in lineup.order] == ["built-in"]
    assert reasons(lineup)["aa"].startswith("built-in has the id aa too")


@pytest.mark.parametrize("says", ["aa", "bb"])
def test_conflicts_set_the_later_one_aside_whoever_says_so(says: str) -> None:
    conflicts: dict[str, list[str]] = {"aa": [], "bb": []}
    conflicts[says] = ["bb" if says == "aa" else "aa"]
    candidates = [found(name, conflicts=others) for name, others in conflicts.items()]
    lineup = arrange(*candidates)
    assert ids(lineup) == ["aa"]
    assert reasons(lineup)["bb"] == (
        "doesn't go together with aa; [features] bb = false or aa = false"
    )


# -- names ----------------------------------------------------------------------------------------


def test_equal_commands_name_both_plugins_and_the_setting() -> None:
    dice, cards = (
        found("dice", commands={"roll": "Roll"}),
        found("cards", commands={"roll": "Roll"}),
    )
    lineup = arrange(dice, cards)
    assert ids(lineup) == ["cards"]
    assert reasons(lineup)["dice"] == (
        'its command /roll is taken by cards; [plugins.dice.aliases] roll = "dice_roll"'
    )
    renamed = arrange(dice, cards, renamed={"dice": {"roll": "dice_roll"}})
    assert ids(renamed) == ["cards", "dice"]


def test_an_alias_can_clash_too() -> None:
    lineup = arrange(
        found("aa", commands={"roll": "x"}),
        found("bb", commands={"throw": "x"}),
        renamed={"bb": {"throw": "roll"}},
    )
    assert "its command /roll is taken by aa" in reasons(lineup)["bb"]


def test_equal_cli_names_and_those_of_the_host() -> None:
    lineup = arrange(found("aa", cli="tool"), found("bb", cli="tool"), found("cc", cli="doctor"))
    assert ids(lineup) == ["aa"]
    assert reasons(lineup)["bb"].startswith(
        "its CLI name tool is taken by aa; [plugins.bb.aliases]"
    )
    assert reasons(lineup)["cc"].startswith("its CLI name doctor is taken by plugram itself")
    assert ids(arrange(found("cc", cli="doctor"), renamed={"cc": {"doctor": "medic"}})) == ["cc"]


def test_the_hosts_cli_names_are_reserved() -> None:
    from typer.main import get_command

    from core.cli.main import app

    assert set(getattr(get_command(app), "commands", {})) <= CORE_CLI


def test_tables_are_read_from_models_and_sql(tmp_path: Path) -> None:
    room = write_room(
        tmp_path,
        "notes",
        {
            "models.py": """
                class Note:
                    class Meta:
                        table = "notes_note"
                        indexes = ["x"]
            """,
            "migrations/sqlite/0001_words.sql": """
                CREATE VIRTUAL TABLE IF NOT EXISTS notes_words USING fts5(text);
                -- create table commented_out (id int);
                create table "notes_Tags" (id INTEGER);
            """,
            "migrations/postgres/0001_words.sql": "CREATE UNLOGGED TABLE notes_words (id int);",
        },
    )
    assert tables(room) == ["notes_note", "notes_tags", "notes_words"]
    assert tables(write_room(tmp_path, "empty", {"models.py": "def ("})) == []


def test_tables_must_carry_the_plugins_id(tmp_path: Path) -> None:
    room = write_room(
        tmp_path, "notes", {"models.py": 'class A:\n    class Meta:\n        table = "note"\n'}
    )
    lineup = arrange(found("notes", root=room))
    assert reasons(lineup) == {"notes": "its tables must be named notes_…: note"}


def test_equal_tables_clash(tmp_path: Path) -> None:
    sql = "CREATE TABLE notes_extra_x (id int);"
    one = write_room(tmp_path, "notes", {"migrations/sqlite/0001_a.sql": sql})
    two = write_room(tmp_path, "notes_extra", {"migrations/sqlite/0001_a.sql": sql})
    lineup = arrange(found("notes", root=one), found("notes_extra", root=two))
    assert reasons(lineup) == {
        "notes_extra": "its table notes_extra_x is taken by notes; [features] notes_extra = false"
    }
