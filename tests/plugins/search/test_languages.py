"""Languages are told apart."""

from __future__ import annotations

from plugins.search.languages import MONTHS, stem


def test_stems() -> None:
    assert stem("договорами", "ru") == stem("договоры", "ru")
    assert stem("facturas", "es") == stem("factura", "es")
    assert stem("inv2024", "en") == "inv2024"
    assert stem("word", "xx") == "word"


def test_months_of_all_bot_languages() -> None:
    assert {MONTHS[name] for name in ("march", "марта", "marzo")} == {3}
    assert set(MONTHS.values()) == set(range(1, 13))
