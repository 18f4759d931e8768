from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from plugins.menu import views
from plugins.menu.timezones import (
    LANGUAGES,
    OFFSETS,
    find,
    label,
    may_be_place,
    offset_label,
    zone_of,
)

WINTER = datetime(2026, 1, 15, 12, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        ("Moscow", ["Europe/Moscow"]),
        ("  москва ", ["Europe/Moscow"]),
        ("Moscú", ["Europe/Moscow"]),
        ("mosc", ["Europe/Moscow"]),
        ("Нью-Йорк", ["America/New_York"]),
        ("bogota", ["America/Bogota"]),
        ("Bogotá", ["America/Bogota"]),
        ("europe/madrid", ["Europe/Madrid"]),
        ("Calcutta", ["Asia/Kolkata"]),
        ("Калькутта", ["Asia/Kolkata"]),
        ("Испания", ["Africa/Ceuta", "Atlantic/Canary", "Europe/Madrid"]),
        ("india", ["Asia/Kolkata"]),
        ("UTC", ["UTC"]),
        ("UTC+3", ["Etc/GMT-3"]),
        ("gmt-4", ["Etc/GMT+4"]),
        ("+5:30", ["Asia/Kolkata"]),
        ("−09:30", ["Pacific/Marquesas"]),
        ("+0", ["UTC"]),
        ("+10:30", []),
        ("+15", []),
        ("Russia", []),
        ("Atlantis", []),
        ("mo", []),
        ("...", []),
        ("", []),
    ],
)
def test_places_that_people_type(text: str, zones: list[str]) -> None:
    assert find(text) == zones


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_place_that_is_suggested_is_known(language: str) -> None:
    texts = (Path(views.__file__).parent / "locales" / f"{language}.ftl").read_text("utf-8")
    places = re.findall(
        r"^menu-timezone-(?:city|unknown) = .*<(?:i|code)>(.+?)</", texts, re.MULTILINE
    )
    assert len(places) == 2
    assert all(find(place) for place in places)


def test_many_zones_are_cut() -> None:
    assert len(find("san")) == 8
    assert len(find("san", limit=3)) == 3


@pytest.mark.parametrize("minutes", OFFSETS)
def test_zones_of_offsets_keep_them_all_the_year(minutes: int) -> None:
    zone = ZoneInfo(zone_of(minutes) or "")
    for moment in (WINTER, SUMMER):
        offset = moment.astimezone(zone).utcoffset()
        assert offset is not None
        assert offset.total_seconds() == minutes * 60


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "UTC"), (180, "UTC+3"), (330, "UTC+5:30"), (-570, "UTC−9:30")]
)
def test_offset_labels(minutes: int, text: str) -> None:
    assert offset_label(minutes) == text


@pytest.mark.parametrize(
    ("zone", "moment", "language", "text"),
    [
        ("Europe/Madrid", WINTER, "en", "Madrid (UTC+1)"),
        ("Europe/Madrid", SUMMER, "en", "Madrid (UTC+2)"),
        ("Europe/Moscow", SUMMER, "ru", "Москва (UTC+3)"),
        ("Asia/Kolkata", SUMMER, "es", "Calcuta (UTC+5:30)"),
        ("America/New_York", WINTER, "es", "Nueva York (UTC−5)"),
        ("Etc/GMT-3", SUMMER, "ru", "UTC+3"),
        ("UTC", SUMMER, "ru", "UTC"),
    ],
)
def test_labels_name_the_city_and_the_offset_of_the_moment(
    zone: str, moment: datetime, language: str, text: str
) -> None:
    assert label(zone, moment, language) == text


@pytest.mark.parametrize(
    "text", ["Atlantis", "Нью Васюки", "San Fulano de Tal", "Atlantis <b>", "+25:99", "UTC+19"]
)
def test_what_may_be_a_place_is_answered(text: str) -> None:
    assert find(text) == []
    assert may_be_place(text)


@pytest.mark.parametrize(
    "text",
    [
        "when does the lease end?",
        "акт сверки за март 2025 года",
        "factura de la luz de enero",
        "type:pdf lease",
        "INV-2024-001",
        "#tax",
        "“exact words”",
        "two\nlines",
        "",
    ],
)
def test_what_is_no_place_is_let_through(text: str) -> None:
    assert find(text) == []
    assert not may_be_place(text)
