"""Numbers of a spreadsheet as its reader sees them, by their number format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

# Formats that a file names by number alone (ECMA-376, 18.8.30). Dates that follow the reader's
# country are ISO dates here.
_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00",
    14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)", 45: "mm:ss",
    46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0",
}  # fmt: skip
_TOKEN = re.compile(
    r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|AM/PM|A/P|General|'
    r"[Yy]+|[Mm]+|[Dd]+|[Hh]+|[Ss]+(?:\.0+)?|[0#?.,]+|[Ee][+-]0+|%|@|.",
    re.IGNORECASE | re.DOTALL,
)
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_CURRENCY = re.compile(r"\[\$([^\]-]*)")
_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - dates of a sheet have no zone
_MONTHS = "January February March April May June July August September October November December"
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_AS_IT_IS = frozenset({"general", "@"})
_LAST_DAY = 2958465
"""31 December 9999."""


def built_in(number: int) -> str:
    return _BUILT_IN.get(number, "")


def shown(value: float, code: str, *, since_1904: bool = False) -> str:
    """A number as its format shows it; a format that can't be followed shows the number itself."""
    try:
        return _shown(value, code, since_1904)
    except (ValueError, OverflowError, IndexError):
        return general(value)


def general(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15g}"


def _shown(value: float, code: str, since_1904: bool) -> str:
    parts = _sections(code)
    part, value = _choose(parts, value)
    if not part.tokens:
        return general(value)
    if part.is_date:
        return _date(value, part, since_1904)
    return _number(value, part)


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the sections of a format: positive, negative, zero."""

    tokens: tuple[str, ...]
    is_date: bool


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[_Part, ...]:
    parts: list[list[str]] = [[]]
    for token in _TOKEN.findall(code):
        if token[0] == ";":
            parts.append([])
        elif token[0] == "[" and not _ELAPSED.fullmatch(token):
            currency = _CURRENCY.match(token)
            if currency and currency[1]:
                parts[-1].append(f'"{currency[1]}"')
        elif token[0] not in "_*":
            parts[-1].append(token)
    return tuple(_Part(tuple(part), any(map(_is_clock, part))) for part in parts)


def _is_clock(token: str) -> bool:
    return (token[0].lower() in "ymdhs" and token[0] not in '"\\') or bool(
        _ELAPSED.fullmatch(token)
    )


def _choose(parts: tuple[_Part, ...], value: float) -> tuple[_Part, float]:
    if value < 0 and len(parts) > 1 and not parts[0].is_date:
        return parts[1], -value
    if value == 0 and len(parts) > 2:
        return parts[2], value
    return parts[0], value


def _literal(token: str) -> str:
    if token[0] == '"':
        return token[1:-1]
    return token[1:] if token[0] == "\\" else token


# -- numbers ------------------------------------------------------------------------------------


def _number(value: float, part: _Part) -> str:
    digits = [token for token in part.tokens if token[0] in "0#?.,"]
    if any(token.lower() in _AS_IT_IS for token in part.tokens):
        return "".join(
            general(value) if token.lower() in _AS_IT_IS else _literal(token)
            for token in part.tokens
        )
    if "/" in part.tokens:  # a fraction
        return general(value)
    if not any(set(token) & set("0#?") for token in digits):
        return "".join(map(_literal, part.tokens))
    return _filled(value, part.tokens)


def _filled(value: float, tokens: tuple[str, ...]) -> str:
    value *= 100 ** tokens.count("%")
    found: list[str] = []
    done = False
    exponent = next((token for token in tokens if token[:2].lower() in {"e+", "e-"}), "")
    for token in tokens:
        if token[0] in "0#?.," and set(token) & set("0#?"):
            if not done:
                found.append(_digits(value, token, exponent))
                done = True
        elif token != exponent:
            found.append(_literal(token))
    sign = "-" if value < 0 and any(char in "123456789" for char in "".join(found)) else ""
    return (sign + "".join(found)).strip()


def _digits(value: float, pattern: str, exponent: str) -> str:
    whole, _, places = pattern.partition(".")
    scaled = abs(value) / 1000 ** (len(whole) - len(whole.rstrip(",")))
    scaled /= 1000 ** (len(places) - len(places.rstrip(",")))
    places = places.rstrip(",")
    most, least = len(places), len(places.rstrip("#?"))
    if exponent:
        mantissa, _, power = f"{scaled:.{most}E}".partition("E")
        return f"{mantissa}E{power}"
    grouped = "," if "," in whole.rstrip(",") else ""
    text = f"{scaled:{grouped}.{most}f}"
    if most > least:
        kept = text[: len(text) - (most - least)] + text[len(text) - (most - least) :].rstrip("0")
        text = kept.rstrip(".")
    front, dot, back = text.partition(".")
    least_whole = whole.replace(",", "").count("0")
    if not grouped:
        front = front.zfill(least_whole)
    return front + dot + back


# -- dates --------------------------------------------------------------------------------------


def _date(value: float, part: _Part, since_1904: bool) -> str:
    if not 0 <= value <= _LAST_DAY + 1:
        return general(value)
    precise = any("." in token for token in part.tokens if token[0].lower() == "s")
    moment = _moment(value, since_1904, places=3 if precise else 0)
    half = any(token.upper() in {"AM/PM", "A/P"} for token in part.tokens)
    found: list[str] = []
    clock = False
    tokens = part.tokens
    for index, token in enumerate(tokens):
        kind = token[0].lower()
        if _ELAPSED.fullmatch(token):
            found.append(_elapsed(value, token))
            clock = True
        elif kind in "ymdhs" and token[0] not in '"\\':
            minutes = kind == "m" and (clock or _seconds_follow(tokens, index))
            found.append(_clock_part(moment, token, half=half, minutes=minutes))
            clock = kind in "hs" or (clock and minutes)
        elif token.upper() in {"AM/PM", "A/P"}:
            found.append("AM" if moment.hour < 12 else "PM")
        elif token not in _AS_IT_IS:
            found.append(_literal(token))
    return "".join(found).strip()


def _moment(value: float, since_1904: bool, places: int) -> datetime:
    """To the second, or as exactly as it is shown."""
    if since_1904:
        return _EPOCH_1904 + timedelta(seconds=round(value * 86400, places))
    day = value + 1 if value < 60 else value  # 1900 is a leap year to Excel
    return _EPOCH + timedelta(seconds=round(day * 86400, places))


def _seconds_follow(tokens: tuple[str, ...], index: int) -> bool:
    following = (token[0].lower() for token in tokens[index + 1 :])
    return next((kind == "s" for kind in following if kind in "ymdhs"), False)


def _clock_part(moment: datetime, token: str, *, half: bool, minutes: bool) -> str:
    kind, length = token[0].lower(), len(token)
    if kind == "y":
        return f"{moment.year % 100:02}" if length <= 2 else str(moment.year)
    if kind == "m" and not minutes:
        return _named(moment.month, _MONTHS.split()[moment.month - 1], length)
    if kind == "d":
        return _named(moment.day, _DAYS.split()[moment.weekday()], length)
    if kind == "s":
        text = f"{moment.second:02}" if token[:2].lower() == "ss" else str(moment.second)
        places = len(token.partition(".")[2])
        return text + (f".{moment.microsecond:06}"[: places + 1] if places else "")
    number = moment.minute if kind == "m" else moment.hour
    if kind == "h" and half:
        number = number % 12 or 12
    return f"{number:02}" if length > 1 else str(number)


def _named(number: int, name: str, length: int) -> str:
    if length <= 2:
        return f"{number:02}" if length == 2 else str(number)
    return {3: name[:3], 5: name[:1]}.get(length, name)


def _elapsed(value: float, token: str) -> str:
    seconds = {"h": 3600, "m": 60, "s": 1}[token[1].lower()]
    return str(int(round(value * 86400) // seconds)).zfill(len(token) - 2)
