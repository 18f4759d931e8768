from datetime import date

import pytest
from plugram_birthdays.dates import Day, parse


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1990-03-14", Day(3, 14, 1990)),
        ("19900314", Day(3, 14, 1990)),
        ("1990-03-14T00:00:00Z", Day(3, 14, 1990)),
        ("--0314", Day(3, 14)),
        ("--03-14", Day(3, 14)),
        (" 14.03.1990 ", Day(3, 14, 1990)),
        ("14/3", Day(3, 14)),
        ("14.3.", Day(3, 14)),
        ("29.02", Day(2, 29)),
        ("29.02.2023", None),
        ("31.02", None),
        ("0.13", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_what_people_and_cards_write(text: str, day: Day | None) -> None:
    assert parse(text) == day


def test_next_birthday_is_today_or_later() -> None:
    born = Day(3, 14, 1990)
    assert born.next(date(2026, 3, 14)) == date(2026, 3, 14)
    assert born.next(date(2026, 3, 15)) == date(2027, 3, 14)
    assert born.age(date(2027, 3, 14)) == 37
    assert Day(3, 14).age(date(2027, 3, 14)) is None


def test_leap_day_is_celebrated_every_year() -> None:
    born = Day(2, 29, 2000)
    assert born.next(date(2026, 1, 1)) == date(2026, 2, 28)
    assert born.next(date(2028, 1, 1)) == date(2028, 2, 29)
    assert born.next(date(2026, 3, 1)) == date(2027, 2, 28)
