"""Birthdays as dates: read from what people write, and when they come next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

_FORMS = (
    re.compile(r"(?P<year>\d{4})-?(?P<month>\d\d)-?(?P<day>\d\d)(?:T.*)?"),
    re.compile(r"--(?P<month>\d\d)-?(?P<day>\d\d)"),
    re.compile(r"(?P<day>\d{1,2})[./](?P<month>\d{1,2})(?:[./](?P<year>\d{4})?)?"),
)
_LEAP = 2024


@dataclass(frozen=True, slots=True)
class Day:
    """A birthday, with the year of birth where it is known."""

    month: int
    day: int
    year: int | None = None

    def next(self, today: date) -> date:
        """The next one, today included. Who was born on 29 February celebrates a day earlier in
        other years."""
        this_year = self.in_year(today.year)
        return this_year if this_year >= today else self.in_year(today.year + 1)

    def in_year(self, year: int) -> date:
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return date(year, 3, 1) - timedelta(days=1)

    def age(self, on: date) -> int | None:
        return on.year - self.year if self.year else None


def parse(text: str) -> Day | None:
    """`1990-03-14`, `19900314`, `--0314`, `14.03.1990`, `14/3`; None if that is no date."""
    for form in _FORMS:
        found = form.fullmatch(text.strip())
        if found:
            year = found.groupdict().get("year")
            day = Day(int(found["month"]), int(found["day"]), int(year) if year else None)
            return day if _exists(day) else None
    return None


def _exists(day: Day) -> bool:
    try:
        date(day.year or _LEAP, day.month, day.day)
    except ValueError:
        return False
    return True
