"""Scripts and the languages that tesseract reads them with. Used by the plugin and, in the sandbox,
by the readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "latin": (
        *("eng", "spa", "deu", "fra", "ita", "por", "nld", "pol", "tur", "ces", "swe", "dan"),
        *(
            "nor",
            "fin",
            "hun",
            "ron",
            "hrv",
            "slk",
            "slv",
            "cat",
            "vie",
            "ind",
            "est",
            "lav",
            "lit",
        ),
    ),
    "cyrillic": ("rus", "ukr", "bel", "bul", "srp", "mkd", "kaz"),
    "han": ("chi_sim", "chi_tra"),
    "japanese": ("jpn",),
    "hangul": ("kor",),
    "greek": ("ell",),
    "arabic": ("ara", "fas", "urd"),
    "hebrew": ("heb", "yid"),
    "devanagari": ("hin", "mar", "nep"),
    "bengali": ("ben",),
    "thai": ("tha",),
    "georgian": ("kat",),
    "armenian": ("hye",),
    "tamil": ("tam",),
}
"""Script → tesseract's names of its languages, the most read first."""

OTHER = "other"
"""A script that nobody here has a name for."""

RAPIDOCR = frozenset({"latin", "han", "japanese"})
"""What the model in the rapidocr package has letters for."""

_OSD = {"fraktur": "latin", "korean": "hangul", "katakana": "japanese", "hiragana": "japanese"}
"""tesseract's names of scripts where they aren't ours."""


def named(script: str) -> str:
    """Our name for a script as tesseract's orientation and script detection calls it."""
    lowered = script.lower()
    known = _OSD.get(lowered, lowered)
    return known if known in LANGUAGES else OTHER


def by_script(languages: Iterable[str]) -> dict[str, list[str]]:
    """Languages under their scripts, in their order; unknown ones are taken for Latin."""
    found: dict[str, list[str]] = {}
    for language in languages:
        script = next((name for name, own in LANGUAGES.items() if language in own), "latin")
        found.setdefault(script, []).append(language)
    return found


def package(script: str) -> str:
    """Debian's package that teaches tesseract a script; empty for `other`."""
    own = LANGUAGES.get(script)
    return f"tesseract-ocr-{own[0].replace('_', '-')}" if own else ""
