"""Number formats of spreadsheets."""

from __future__ import annotations

import pytest

from plugins.documents.numbers import built_in, shown


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        (1234.5, "", "1234.5"),
        (1e20, "", "1e+20"),
        (0.5, built_in(9), "50%"),
        (1234567.891, built_in(4), "1,234,567.89"),
        (-3, "0;(0)", "(3)"),
        (0, '0;-0;"none"', "none"),
        (1500000, '0.0,,"M"', "1.5M"),
        (7, "000", "007"),
        (3.5, "0.0##", "3.5"),
        (12345, "0.00E+00", "1.23E+04"),
        (5, "[Red]0.0 [$€-407]", "5.0 €"),
        (5, '"Room "0', "Room 5"),
        (45292.75, built_in(22), "2024-01-01 18:00"),
        (45292.75, "d mmmm yyyy h:mm AM/PM", "1 January 2024 6:00 PM"),
        (45292, "ddd dd/mm/yy", "Mon 01/01/24"),
        (0.0104, "mm:ss", "14:59"),
        (1.5, "[h]:mm", "36:00"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (-1, "yyyy-mm-dd", "-1"),
        (1e300, "yyyy-mm-dd", "1e+300"),
        (2, "@", "2"),
    ],
)
def test_numbers(value: float, code: str, expected: str) -> None:
    assert shown(value, code) == expected


def test_workbooks_of_old_macs_count_from_1904() -> None:
    assert shown(0, "yyyy-mm-dd", since_1904=True) == "1904-01-01"
