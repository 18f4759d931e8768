"""For whom a plugin is on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core import config
from core.errors import ConfigError
from core.flags import BUCKETS, Flags, bucket
from core.host import hookspecs as specs
from core.host.loader import Loader
from tests.conftest import SettingsFactory
from tests.core.kit import forget_modules, write_room
from tests.support.host import only

GROUP = -1001234567890


def rollout(**said: Any) -> config.Rollout:
    return config.Rollout.model_validate(said)


def test_plain_flags_are_for_everybody() -> None:
    flags = Flags({"search": True, "ocr": False})
    assert flags.enabled("search", 7, 7)
    assert flags.is_for_all("search")
    assert flags.enabled("anything", None, None)


def test_named_people_have_it_everywhere_and_named_chats_for_everybody() -> None:
    flags = Flags({"search": rollout(users=[1], chats=[GROUP])})
    assert flags.enabled("search", 1, 1)
    assert flags.enabled("search", 1, -5)
    assert flags.enabled("search", 2, GROUP)
    assert flags.enabled("search", None, GROUP)
    assert not flags.enabled("search", 2, 2)
    assert not flags.enabled("search", 2, -5)
    assert not flags.is_for_all("search")


def test_what_concerns_nobody_happens() -> None:
    assert Flags({"search": rollout(percent=0)}).enabled("search", None, None)


def test_a_percentage_is_what_it_says() -> None:
    flags = Flags({"search": rollout(percent=20)})
    inside = sum(flags.enabled("search", user, user) for user in range(1, 10_001))
    assert abs(inside - 2000) < 4 * 40  # four standard deviations


def test_who_is_in_stays_in_when_it_grows_and_other_plugins_have_others() -> None:
    people = range(1, 2001)

    def inside(plugin_id: str, percent: float) -> set[int]:
        flags = Flags({plugin_id: rollout(percent=percent)})
        return {user for user in people if flags.enabled(plugin_id, user, user)}

    few, more = inside("search", 5), inside("search", 30)
    assert few < more < inside("search", 99.5) < inside("search", 100) == set(people)
    assert inside("ocr", 30) != more


def test_places_are_the_same_on_every_machine_and_in_every_version() -> None:
    places = [bucket("search", who) for who in (1, 2, 123456789, GROUP)]
    assert places == [5650, 1653, 4235, 5020]
    assert all(0 <= place < BUCKETS for place in places)


def test_in_a_chat_without_a_person_the_chat_counts() -> None:
    flags = Flags({"search": rollout(percent=50)})
    assert {flags.enabled("search", None, -chat) for chat in range(50)} == {True, False}
    assert all(
        flags.enabled("search", user, -chat) is flags.enabled("search", user, user)
        for user in range(1, 20)
        for chat in range(1, 20)
    )


def test_who_lacks_what_a_plugin_needs_lacks_the_plugin() -> None:
    flags = Flags({"files": rollout(users=[1, 2]), "search": rollout(users=[2, 3])})
    flags.follow({"search": {"files"}, "files": {"storage"}, "chat": {"search"}})
    assert [flags.enabled("search", user, user) for user in (1, 2, 3)] == [False, True, False]
    assert [flags.enabled("chat", user, user) for user in (1, 2, 3)] == [False, True, False]
    told = flags.explain("search", 3, 3)
    assert told.why == "it needs files, which is off for them: isn't named"
    assert flags.describe("chat") == "needs search: 2 users; needs files: 2 users"


def test_reasons_name_what_decided() -> None:
    flags = Flags({"search": rollout(users=[1], chats=[GROUP], percent=80)})
    assert flags.explain("ocr", 5, 5).why == "on for everybody"
    assert flags.explain("search", 1, GROUP).why == f"chat {GROUP} is named"
    assert flags.explain("search", 1, 1).why == "user 1 is named"
    assert flags.explain("search", 2, 2).why == "in the first 80 % (place 16.53 of 100)"
    assert flags.describe("search") == "1 user, 1 chat, 80 %"


# -- as settings -----------------------------------------------------------------------------------


def read(root: Path, toml: str = "", **env: str) -> config.Reading:
    (root / "settings.toml").write_text(toml)
    return config.read(env=env, root=root)


def test_files_and_variables_say_it(tmp_path: Path) -> None:
    toml = f"[default.features]\nsearch = {{ users = [1, 2], chats = [{GROUP}], percent = 20 }}\n"
    found = read(tmp_path, toml).settings.features
    assert found == {"search": rollout(users=[1, 2], chats=[GROUP], percent=20)}
    found = read(tmp_path, toml, PLUGRAM_FEATURES__SEARCH__PERCENT="2.5").settings.features
    assert found == {"search": rollout(users=[1, 2], chats=[GROUP], percent=2.5)}
    found = read(
        tmp_path, "", PLUGRAM_FEATURES__OCR='{"users": [3], "percent": 1}'
    ).settings.features
    assert found == {"ocr": rollout(users=[3], percent=1)}
    found = read(tmp_path, "", PLUGRAM_FEATURES__OCR__USERS="3,4").settings.features
    assert found == {"ocr": rollout(users=[3, 4])}


def test_a_later_word_replaces_an_earlier_one_of_another_kind(tmp_path: Path) -> None:
    some, all_ = "search = { percent = 5 }", "search = true"
    for first, second, expected in ((some, all_, True), (all_, some, rollout(percent=5))):
        toml = f"[default.features]\n{first}\n[production.features]\n{second}\n"
        assert read(tmp_path, toml).settings.features == {"search": expected}
    toml = f"[default.features]\n{some}\n"
    assert read(tmp_path, toml, PLUGRAM_FEATURES__SEARCH="true").settings.features["search"] is True
    reading = read(tmp_path, f'[default]\npreset = "archive"\n{toml}')
    assert reading.settings.features["search"] == rollout(percent=5)
    assert reading.problems == []


def test_mistakes_are_told_in_the_one_report(tmp_path: Path) -> None:
    toml = (
        "[default.features]\n"
        "aa = { precent = 20 }\n"
        "bb = { percent = 120 }\n"
        "cc = { users = [-5] }\n"
        "dd = {}\n"
        'ee = "yes"\n'
    )
    told = [one.removeprefix("settings.toml:") for one in read(tmp_path, toml).problems]
    assert sorted(told) == [
        "2: features.aa.precent is not a setting; did you mean features.aa.percent?",
        "3: features.bb.percent must be at most 100.0, not 120",
        "4: features.cc.users must be more than 0, not -5",
        "5: features.dd must be true, false or say for whom: users, chats, percent",
        "6: features.ee must be true or false, not 'yes'",
    ]


@pytest.mark.parametrize("how", ["vital", "required"])
def test_the_bot_runs_without_a_required_plugin_for_nobody(
    settings_factory: SettingsFactory, tmp_path: Path, how: str
) -> None:
    folder = tmp_path / "mine"
    write_room(folder, "door", {"__init__.py": ""}, vital=how == "vital")
    settings = settings_factory(
        plugins__paths=[str(folder)],
        plugins__required=["door"] if how == "required" else [],
        features__door__percent="50",
        **only("menu"),
    )
    with pytest.raises(ConfigError, match=r"features\.door must be true or false: the bot must no"):
        Loader(settings).load_modules()
    forget_modules()


# -- hooks ---------------------------------------------------------------------------------------


def test_every_hook_about_somebodys_file_was_thought_of() -> None:
    """What begins something for its sender asks the flag; what ends something is for all."""
    about = {
        name
        for name, one in vars(specs).items()
        if name.startswith("on_file_") and "file" in one.__annotations__
    }
    ends = {"on_file_changed", "on_file_trashed", "on_file_restored", "on_file_deleted"}
    assert about == set(specs.WHOM) | ends
