"""From what people type to a time zone: a city, a country, an IANA name, or an offset from UTC."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

LANGUAGES = ("en", "ru", "es")
"""Those whose names of cities and countries are understood."""

_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+\-−–])\s*(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_OFFSET_LIKE = re.compile(r"(?:utc|gmt)?\s*[+\-−–]?\s*\d{1,2}(?:[:.,]?\d{1,2})?", re.IGNORECASE)
_PLACE = re.compile(r"[^\W\d_][^\W\d]*(?:[ ,.'’<>/-]+[^\W\d]+){0,3}[.>]?")
"""One to four words without digits."""

# Offsets that aren't whole hours have no zone of their own: a place that keeps them all the year.
_PLACES = {
    -570: "Pacific/Marquesas",
    210: "Asia/Tehran",
    270: "Asia/Kabul",
    330: "Asia/Kolkata",
    345: "Asia/Kathmandu",
    390: "Asia/Yangon",
    525: "Australia/Eucla",
    570: "Australia/Darwin",
}
OFFSETS: Sequence[int] = (
    *range(-11 * 60, 4 * 60, 60),
    *(210, 240, 270, 300, 330, 345, 360, 390, 420, 480, 540, 570, 600, 660, 720, 780),
)
"""Minutes from UTC, for buttons."""


def zone_of(minutes: int) -> str | None:
    """The zone that is so many minutes from UTC all the year, or None."""
    if minutes % 60:
        return _PLACES.get(minutes)
    hours = minutes // 60
    if not -12 <= hours <= 14:
        return None
    # The signs of these names are the other way round: Etc/GMT-3 is three hours ahead.
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"


def offset_label(minutes: int) -> str:
    """`UTC+5:30`, `UTC−3`."""
    hours, rest = divmod(abs(minutes), 60)
    if not minutes:
        return "UTC"
    sign = "+" if minutes > 0 else "−"
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


def label(zone: str, moment: datetime, language: str) -> str:
    """A zone for people: its city in their language, and how far it is from UTC at the moment."""
    offset = moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    shown = offset_label(int(offset.total_seconds() // 60))
    city = "" if zone == "UTC" or zone.startswith("Etc/") else _city(zone, language)
    return f"{city} ({shown})" if city else shown


def find(text: str, limit: int = 8) -> list[str]:
    """The zones that somebody may mean, best first; empty if that is no place that is known."""
    offset = _OFFSET.fullmatch(text.strip())
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        zone = zone_of(minutes if offset[1] == "+" else -minutes)
        return [zone] if zone else []
    wanted = _folded(text)
    if not wanted:
        return []
    names = _names()
    exact = names.get(wanted, ())
    if len(exact) > limit:  # a country of many zones: its name doesn't help
        return []
    begun = (zone for name, zones in names.items() if name.startswith(wanted) for zone in zones)
    found = exact or (begun if len(wanted) >= 3 else ())
    return list(dict.fromkeys(found))[:limit]


def may_be_place(text: str) -> bool:
    """Whether somebody may have meant a place that isn't known, or a difference from UTC."""
    bare = text.strip()
    return bool(_PLACE.fullmatch(bare) or _OFFSET_LIKE.fullmatch(bare))


@cache
def _names() -> dict[str, tuple[str, ...]]:
    """What places are called, in all languages → their zones."""
    from babel import Locale
    from babel.core import get_global

    names: dict[str, dict[str, None]] = {}

    def call(name: str, zone: str) -> None:
        names.setdefault(_folded(name), {})[_canonical(zone)] = None

    for zone in sorted(_there()):
        call(zone, zone)
        for city in _cities(zone):
            call(city, zone)
    territories = get_global("territory_zones")
    for language in LANGUAGES:
        for code, territory in Locale(language).territories.items():
            for zone in territories.get(code, ()):
                if zone in _there():
                    call(territory, zone)
    call("UTC", "UTC")
    call("GMT", "UTC")
    return {name: tuple(zones) for name, zones in names.items()}


@cache
def _there() -> frozenset[str]:
    return frozenset(
        zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")
    )


def _canonical(zone: str) -> str:
    """Today's name of a zone that had several (Asia/Calcutta → Asia/Kolkata)."""
    from babel.core import get_global

    named = str(get_global("zone_aliases").get(zone, zone))
    return named if named in _there() else zone


@cache
def _former() -> dict[str, tuple[str, ...]]:
    """A zone → all its names: translations go by one of the old ones."""
    former: dict[str, tuple[str, ...]] = {}
    for zone in sorted(_there()):
        canonical = _canonical(zone)
        former[canonical] = (*former.get(canonical, ()), zone)
    return former


def _cities(zone: str) -> Iterator[str]:
    yield zone.rsplit("/", 1)[-1]
    for language in LANGUAGES:
        yield _city(zone, language)


def _city(zone: str, language: str) -> str:
    from babel import Locale

    known = Locale(language).time_zones
    for name in _former().get(_canonical(zone), ()):
        if city := known.get(name, {}).get("city"):
            return str(city)
    return zone.rsplit("/", 1)[-1].replace("_", " ")


def _folded(text: str) -> str:
    """Without case, accents and punctuation: how names are compared."""
    bare = unicodedata.normalize("NFKD", text.casefold().replace("ё", "е"))
    letters = "".join(one for one in bare if not unicodedata.combining(one))
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())
