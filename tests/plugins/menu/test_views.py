from __future__ import annotations

import pytest

from plugins.menu.views import Choose, Pick, language_name


@pytest.mark.parametrize(
    ("code", "name"), [("en", "English"), ("ru", "Русский"), ("es", "Español")]
)
def test_languages_are_named_in_their_own_words(code: str, name: str) -> None:
    assert language_name(code) == name


def test_the_longest_preference_fits_into_a_button() -> None:
    plugin_id, name = "p" * 32, "n" * 16
    assert len(Pick(plugin=plugin_id, preference=name).pack()) <= 64
    assert len(Choose(plugin=plugin_id, preference=name, choice=99).pack()) <= 64
