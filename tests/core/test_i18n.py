from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from core import i18n as i18n_module
from core.host.i18n_check import Room, check, main, our_rooms, used_keys
from core.i18n import Html, I18n, escaped, local


@dataclass
class Somebody:
    timezone: str


def catalogue(folder: Path, language: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{language}.ftl").write_text(dedent(text), encoding="utf-8")
    return folder


@pytest.fixture
def i18n(tmp_path: Path) -> I18n:
    folder = tmp_path / "locales"
    catalogue(
        folder,
        "en",
        """
        notes-saved = Saved <b>{ $name }</b>.
        notes-count = { $count ->
            [one] one note
           *[other] { $count } notes
        }
        notes-only-english = Only here.
        notes-kind = { $kind ->
            [audio] a song
           *[other] a file
        }
        command-note = Write a note
        """,
    )
    catalogue(
        folder,
        "ru",
        """
        notes-saved = Сохранено: <b>{ $name }</b>.
        notes-count = { $count ->
            [one] { $count } заметка
            [few] { $count } заметки
           *[many] { $count } заметок
        }
        command-note = Записать заметку
        """,
    )
    made = I18n()
    assert made.add("notes", folder) == []
    return made


# -- messages -------------------------------------------------------------------------------------


def test_the_host_speaks_three_languages() -> None:
    assert I18n().languages == ("en", "es", "ru")


@pytest.mark.parametrize(
    ("code", "language"),
    [("ru", "ru"), ("ru-RU", "ru"), ("ES_mx", "es"), ("pt-br", "en"), (None, "en"), ("", "en")],
)
def test_language_of_a_telegram_code(code: str | None, language: str) -> None:
    assert I18n().language(code) == language


def test_default_language_is_a_setting() -> None:
    assert I18n("es").language("pt") == "es"
    assert I18n("xx").language("pt") == "en"


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "1 заметка"), (3, "3 заметки"), (5, "5 заметок"), (21, "21 заметка"), (11, "11 заметок")],
)
def test_plurals_follow_the_language(i18n: I18n, count: int, text: str) -> None:
    assert i18n.bound("ru")("notes-count", count=count) == text


def test_numbers_are_written_the_languages_way(i18n: I18n) -> None:
    assert i18n.bound("en")("notes-count", count=12345) == "12,345 notes"
    assert i18n.bound("ru")("notes-count", count=12345) == "12\xa0345 заметок"
    assert i18n.bound("es").number(1234567.5) == "1.234.567,5"


def test_text_arguments_are_escaped_and_markup_is_not(i18n: I18n) -> None:
    t = i18n.bound("en")
    assert t("notes-saved", name="<i>&") == "Saved <b>&lt;i&gt;&amp;</b>."
    assert t("notes-saved", name=Html("<i>x</i>")) == "Saved <b><i>x</i></b>."
    assert t("notes-saved", name=t("notes-kind", kind="audio")) == "Saved <b>a song</b>."
    assert t("notes-saved", name=escaped("a & b")) == "Saved <b>a &amp; b</b>."


def test_plain_texts_are_for_buttons(i18n: I18n) -> None:
    t = i18n.bound("en")
    assert t.plain("notes-saved", name="a & <b> &amp;") == "Saved <b>a & <b> &amp;</b>."


def test_arguments_choose_variants_and_may_be_anything_with_a_text(i18n: I18n) -> None:
    t = i18n.bound("en")
    assert t("notes-kind", kind="audio") == "a song"
    assert t("notes-saved", name=Path("a.pdf")) == "Saved <b>a.pdf</b>."
    assert t("notes-saved", name=True) == "Saved <b>True</b>."


def test_long_arguments_fit(i18n: I18n) -> None:
    long = "x" * 3900 + "<"
    assert i18n.bound("en")("notes-saved", name=long) == f"Saved <b>{'x' * 3900}&lt;</b>."


def test_html_joins_and_adds_safely() -> None:
    assert Html("\n").join([Html("<b>a</b>"), "<c>"]) == "<b>a</b>\n&lt;c&gt;"
    assert Html("<b>") + "<" + Html("</b>") == "<b>&lt;</b>"
    assert "<" + Html("<b>") == "&lt;<b>"


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    class Log:
        def warning(self, event: str, **fields: Any) -> None:
            found.append((fields["language"], fields["key"]))

    monkeypatch.setattr(i18n_module, "log", Log())
    return found


def test_missing_message_falls_back_to_english_then_to_its_key(
    i18n: I18n, warnings: list[tuple[str, str]]
) -> None:
    t = i18n.bound("ru")
    assert t("notes-only-english") == "Only here."
    assert t("notes-only-english") == "Only here."
    assert t("notes-nowhere") == "notes-nowhere"
    assert warnings == [
        ("ru", "notes-only-english"),
        ("ru", "notes-nowhere"),
        ("en", "notes-nowhere"),
    ]


def test_missing_argument_is_reported_and_the_rest_is_shown(
    i18n: I18n, warnings: list[tuple[str, str]]
) -> None:
    assert i18n.bound("en")("notes-saved") == "Saved <b>name</b>."
    assert warnings == [("en", "notes-saved")]


def test_command_texts_belong_to_their_plugin(i18n: I18n, tmp_path: Path) -> None:
    other = catalogue(tmp_path / "other", "en", "command-note = Take note of something")
    assert i18n.add("other", other) == []
    assert i18n.command("ru", "notes", "note") == "Записать заметку"
    assert i18n.command("ru", "other", "note") == "Take note of something"
    assert i18n.command("ru", "third", "note") is None
    assert i18n.bound("ru", "notes")("command-note") == "Записать заметку"


def test_messages_of_others_and_broken_ones_are_left_out(tmp_path: Path) -> None:
    folder = catalogue(
        tmp_path / "locales",
        "en",
        """
        files-stolen = Mine now
        notes-fine = Fine
        notes broken
        -files-term = Theirs
        """,
    )
    i18n = I18n()
    problems = i18n.add("notes", folder)
    assert len(problems) == 3
    assert "files-stolen must begin with notes-" in problems[0]
    assert "can't be read" in problems[1]
    assert not i18n.has("en", "files-stolen")
    assert i18n.bound("en")("notes-fine") == "Fine"


def test_languages_that_the_host_lacks_are_ignored(tmp_path: Path) -> None:
    i18n = I18n()
    i18n.add("notes", catalogue(tmp_path / "locales", "xx", "notes-a = A"))
    assert "xx" not in i18n.languages


# -- dates ----------------------------------------------------------------------------------------

NEW_YEAR = datetime(2025, 12, 31, 22, 30, tzinfo=UTC)


def test_dates_are_those_of_the_persons_time_zone(i18n: I18n) -> None:
    t = i18n.bound("en")
    moscow, lima = Somebody("Europe/Moscow"), Somebody("America/Lima")
    assert t.date(NEW_YEAR, moscow) == "Jan 1, 2026"
    assert t.date(NEW_YEAR, lima) == "Dec 31, 2025"
    assert t.time(NEW_YEAR, moscow) == "1:30\u202fAM"
    assert i18n.bound("ru").time(NEW_YEAR, moscow) == "01:30"
    assert i18n.bound("ru").datetime(NEW_YEAR, moscow, "long") == "1 января 2026\u202fг., 01:30"
    assert i18n.bound("es").date(NEW_YEAR, moscow, "long") == "1 de enero de 2026"


def test_a_moment_without_a_zone_is_utc() -> None:
    assert local(datetime(2026, 1, 1, 12), "Asia/Tokyo").hour == 21  # noqa: DTZ001 - the point


# -- the check ------------------------------------------------------------------------------------


def problems_of(tmp_path: Path, code: str = "", **catalogues: str) -> list[str]:
    room = tmp_path / "notes"
    room.mkdir()
    (room / "plugin.toml").write_text(
        'id = "notes"\nversion = "1"\nsummary = "x"\napi = ">=1"\n[commands]\nnote = "Note"\n'
    )
    (room / "code.py").write_text(dedent(code))
    for language, text in catalogues.items():
        catalogue(room / "locales", language, "command-note = x\n" + dedent(text))
    return check([Room("notes", room, room / "locales")])


COMPLETE = {"en": "notes-a = A", "ru": "notes-a = А", "es": "notes-a = A"}


def test_complete_catalogues_pass(tmp_path: Path) -> None:
    code = """
        t("notes-a"); t.plain("notes-a", x=1); raise UserError("notes-a")
        t("command-note"); t(f"notes-{kind}"); t(variable); t("no key"); other("notes-z")
    """
    assert problems_of(tmp_path, code, **COMPLETE) == []


def test_missing_and_unknown_messages_are_named(tmp_path: Path) -> None:
    found = problems_of(tmp_path, en="notes-a = A", ru="notes-b = Б", es="notes-a = A")
    assert found == [
        "notes: ru.ftl: notes-a is missing",
        "notes: ru.ftl: notes-b is unknown to en.ftl",
    ]


def test_a_language_without_a_catalogue_misses_everything(tmp_path: Path) -> None:
    found = problems_of(tmp_path, en="notes-a = A", ru="notes-a = А")
    assert found == [
        "notes: es.ftl: notes-a is missing",
        "notes: es.ftl: notes-command-note is missing",
    ]


def test_keys_in_code_must_exist(tmp_path: Path) -> None:
    found = problems_of(tmp_path, '\nt("notes-z")\nt(f"notes-{x}-none")\n', **COMPLETE)
    assert found == [
        "notes: code.py:2: there is no message notes-z",
        "notes: code.py:3: there is no message notes-*-none",
    ]


def test_arguments_must_agree(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path, en="notes-a = { $name }", ru="notes-a = { $nmae }", es="notes-a = { $name }"
    )
    assert found == ["notes: ru.ftl: notes-a takes other arguments than in en.ftl"]


def test_plural_forms_must_be_complete(tmp_path: Path) -> None:
    english = "notes-a = { $n ->\n    [one] one\n   *[other] more\n}\n"
    zero = "notes-a = { $n ->\n    [0] none\n    [one] one\n   *[other] more\n}\n"
    assert problems_of(tmp_path, en=english, ru=english, es=zero) == [
        "notes: ru.ftl: notes-a lacks the plural form few"
    ]


def test_variants_that_are_no_plurals_need_no_forms(tmp_path: Path) -> None:
    text = "notes-a = { $kind ->\n    [audio] a song\n   *[other] a file\n}\n"
    assert problems_of(tmp_path, en=text, ru=text, es=text) == []


def test_duplicates_are_found(tmp_path: Path) -> None:
    found = problems_of(tmp_path, **{**COMPLETE, "en": "notes-a = A\nnotes-a = B"})
    assert found == ["notes: en.ftl: notes-a stands there twice"]


def test_commands_and_preferences_need_messages(tmp_path: Path) -> None:
    room = tmp_path / "notes"
    room.mkdir()
    (room / "plugin.toml").write_text(
        'id = "notes"\nversion = "1"\nsummary = "x"\napi = ">=1"\n[commands]\nnote = "Note"\n'
    )
    (room / "__init__.py").write_text('Preference("order", ("new", "old"), "new")\n')
    for language in ("en", "ru", "es"):
        catalogue(room / "locales", language, "notes-preference-order = x")
    assert check([Room("notes", room, room / "locales")]) == [
        "notes: en.ftl: notes-command-note is missing",
        "notes: en.ftl: notes-preference-order-new is missing",
        "notes: en.ftl: notes-preference-order-old is missing",
    ]


def test_used_keys_of_a_file_that_cannot_be_parsed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def (")
    assert list(used_keys(broken)) == []


def test_our_own_catalogues_are_complete() -> None:
    assert check(our_rooms()) == []


def test_command_reports_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    problems_of(tmp_path, en="notes-a = A")
    assert main([str(tmp_path / "notes")]) == 1
    assert "notes: ru.ftl: notes-a is missing" in capsys.readouterr().err
