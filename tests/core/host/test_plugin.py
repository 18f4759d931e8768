from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import Field, ValidationError

from core.errors import PluginError
from core.host.plugin import Command, Manifest, Parts, Plugin, PluginSettings, Preference
from core.i18n import I18n
from tests.core.kit import context, manifest, plugin


class Settings(PluginSettings):
    size: int = Field(3, ge=1, description="How many.")


def test_settings_are_frozen_and_refuse_what_they_do_not_know() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.size = 4  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Settings(sise=4)  # type: ignore[call-arg]


def made(**more: Any) -> Plugin:
    return Plugin(
        manifest=Manifest(**manifest("dice", **more)),
        root=Path("dice.py"),
        module=ModuleType("dice"),
        origin="path",
        settings_model=Settings,
        settings=Settings(),
    )


def test_commands_are_those_of_manifest_and_code_under_the_deployments_names() -> None:
    dice = made(commands={"roll": {"description": "Roll", "role": "admin"}, "hold": "Hold"})
    dice.parts = Parts(commands=[Command("score", "Score", chats="private")])
    dice.aliases = {"roll": "dice_roll", "score": "dice_score"}
    assert dice.commands == [
        Command("dice_roll", "Roll", role="admin", original="roll"),
        Command("hold", "Hold"),
        Command("dice_score", "Score", chats="private", original="score"),
    ]
    assert [command.message for command in dice.commands] == [
        "command-roll",
        "command-hold",
        "command-score",
    ]


def test_the_cli_group_can_be_renamed() -> None:
    dice = made(cli="dice")
    assert dice.cli_name == "dice"
    dice.aliases = {"dice": "cubes"}
    assert dice.cli_name == "cubes"
    assert made().cli_name == ""


def test_a_folder_has_locales_and_a_file_has_none(tmp_path: Path) -> None:
    dice = made()
    assert dice.locales is None
    dice.root = tmp_path
    assert dice.locales == tmp_path / "locales"


def test_a_context_is_asked_for_only_once_it_is_there() -> None:
    with pytest.raises(RuntimeError, match="dice has no context yet"):
        made().ctx  # noqa: B018 - asking is the test


def test_contexts_type_settings_and_speak_for_their_plugin(tmp_path: Path) -> None:
    locales = tmp_path / "locales"
    locales.mkdir()
    (locales / "ru.ftl").write_text("command-roll = Бросить", encoding="utf-8")
    i18n = I18n()
    i18n.add("dice", locales)
    ctx = context(made(), i18n=i18n)
    assert ctx.config(Settings).size == 3
    assert ctx.translate("ru")("command-roll") == "Бросить"


def test_the_folder_is_made_when_it_is_asked_for(tmp_path: Path) -> None:
    from dataclasses import replace

    ctx = replace(context(plugin("dice")), data_dir=tmp_path / "a" / "dice")
    assert not ctx.data_dir.exists()
    assert ctx.folder().is_dir()


@pytest.mark.parametrize(
    ("name", "choices", "default", "said"),
    [
        ("a-name-that-is-long", ("a",), "a", "1 to 16"),
        ("Size", ("a",), "a", "1 to 16"),
        ("size", ("a", "B c"), "a", "'B c' can't be in a key"),
        ("size", ("a", "b"), "c", "'c' is none of its choices"),
    ],
)
def test_preferences_that_could_not_be_shown(
    name: str, choices: tuple[str, ...], default: str, said: str
) -> None:
    with pytest.raises(PluginError, match=said):
        Preference(name, choices, default)
