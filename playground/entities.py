"""Text as Telegram keeps it: cleaned and trimmed, its entities found, nested and cut as Telegram's.

Offsets and lengths are in UTF-16 code units.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from playground import utf16
from playground.errors import bad_request

Entity = dict[str, Any]

_STYLES = ("bold", "italic", "underline", "strikethrough", "spoiler")
_QUOTES = ("blockquote", "expandable_blockquote")
_CODE = ("pre", "code")
_ORDER = {
    **dict.fromkeys(_QUOTES, 0), "pre": 11, "code": 20, "text_link": 49, "text_mention": 49,
    **{style: 90 + index for index, style in enumerate(_STYLES)}, "custom_emoji": 99,
}  # fmt: skip
"""Which of two entities of the same place comes first; those found in plain text have 50."""

_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")
_DROPPED = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")

_COUNTRIES = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs "
    "bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec "
    "ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy "
    "hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz "
    "la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx "
    "my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re "
    "ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th "
    "tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_GENERIC = (
    "com net org info biz name pro edu gov mil int aero coop museum jobs mobi travel tel cat asia "
    "app dev page blog cloud online site website store shop tech space fun live news media wiki "
    "agency art band bar best bot buzz cafe care cash center chat city click club codes coffee "
    "company cool design digital direct domains education email energy events exchange expert "
    "express family farm finance fit fund gallery games global gold group guide health help host "
    "house ink land legal life link love ltd market money network ninja one party photo photos "
    "pics pizza plus press rocks run sale school science services social software solutions "
    "studio style support systems team today tools top tours town toys training university video "
    "vip watch work works world wtf xyz zone рф рус бел укр"
)
_TLDS = frozenset(_COUNTRIES.split()) | frozenset(_GENERIC.split())
"""Top-level domains that make a link without a scheme: the common ones, not all of IANA's."""

_MENTION = re.compile(r"(?<!\w)@([A-Za-z0-9_]{2,32})(?!\w)")
_SHORT_NAMES = {"gif", "nft", "pic", "ufc", "vid"}
_COMMAND = re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>@])")
_HASHTAG = re.compile(r"(?<!\w)#(?=\w*[^\W\d_])(\w{1,256})(?:@[A-Za-z0-9_]{3,32})?(?!\w*#)")
_CASHTAG = re.compile(r"(?<!\w)\$(?:1INCH|[A-Z]{1,8})(?![\w$])")
_URL = re.compile(
    r"(?P<scheme>(?:https?|ftp|tonsite)://)?"
    r"(?P<user>[^\s/\[\]{}()'`<>\"@«»]+@)?"
    r"(?P<host>(?:[\w~-]+\.)+[\w-]+)"
    r"(?P<port>:\d{1,5})?"
    r"(?P<path>[/?#][^\s<>\"«»]*)?",
    re.IGNORECASE,
)
_TG_URL = re.compile(r"(?:tg|ton|tonsite)://[a-z0-9_-]{1,253}(?:[/?#][^\s<>\"«»]*)?", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]{1,64}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}", re.ASCII)
_AFTER_URL = ".:;,('?!`"


def clean(text: str) -> str:
    """Control characters become blanks, carriage returns and direction marks go."""
    return _DROPPED.sub("", _CONTROL.sub(" ", text))


def finish(
    text: str, entities: Iterable[Entity], *, detect: bool = True
) -> tuple[str, list[Entity]]:
    """Text and entities as Telegram would deliver them; an empty text when nothing is visible.

    `detect` also marks links, commands, mentions and hashtags in what is still plain.
    Raises ApiError for offsets that no text has.
    """
    text, kept = _clean_with(text, list(entities))
    text, kept = _trim(text, kept)
    if not text:
        return "", []
    found = _detect(text) if detect else []
    return text, _arrange(kept, found)


def _clean_with(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Cleans, moving entities left by the characters that went before them."""
    for entity in entities:
        for key in ("offset", "length"):
            if not 0 <= entity[key] <= 1_000_000:
                raise bad_request(f"receive an entity with incorrect {key} {entity[key]}")
    if not entities or not _DROPPED.search(text):
        return clean(text), [dict(entity) for entity in entities]
    # every dropped character is one code unit
    gone = [utf16.length(text[: match.start()]) for match in _DROPPED.finditer(text)]

    def moved(offset: int) -> int:
        return offset - sum(place < offset for place in gone)

    shifted = []
    for entity in entities:
        start, end = moved(entity["offset"]), moved(entity["offset"] + entity["length"])
        shifted.append({**entity, "offset": start, "length": end - start})
    return clean(text), shifted


def _trim(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Blanks and line breaks go from the end, and from the start up to the first entity."""
    text = text.rstrip(" \n")
    size = utf16.length(text)
    kept = []
    for entity in entities:
        end = min(entity["offset"] + entity["length"], size)
        if end > entity["offset"]:
            kept.append({**entity, "length": end - entity["offset"]})
    first = min((entity["offset"] for entity in kept), default=size)
    blank = min(len(text) - len(text.lstrip(" \n")), first)
    for entity in kept:
        entity["offset"] -= blank
    return text[blank:], kept


def _arrange(given: list[Entity], found: list[Entity]) -> list[Entity]:
    """Entities nested and cut by Telegram's rules, in its order."""
    styles = [e for e in given if e["type"] in _STYLES]
    quotes = _apart([e for e in given if e["type"] in _QUOTES])
    solid = _apart([e for e in given if e["type"] not in _STYLES and e["type"] not in _QUOTES])
    solid = [e for e in solid if not _crosses(e, quotes)]
    found = [e for e in found if not _crosses(e, quotes) and not _touches(e, solid)]
    others = sorted([*solid, *found, *quotes], key=_place)
    return sorted([*others, *_cut_styles(styles, others)], key=_place)


def _place(entity: Entity) -> tuple[int, int, int]:
    return entity["offset"], -entity["length"], _ORDER.get(entity["type"], 50)


def _end(entity: Entity) -> int:
    end: int = entity["offset"] + entity["length"]
    return end


def _apart(entities: list[Entity]) -> list[Entity]:
    """The first of those that overlap."""
    kept: list[Entity] = []
    for entity in sorted(entities, key=_place):
        if not kept or entity["offset"] >= _end(kept[-1]):
            kept.append(entity)
    return kept


def _touches(entity: Entity, others: list[Entity]) -> bool:
    return any(entity["offset"] < _end(o) and o["offset"] < _end(entity) for o in others)


def _crosses(entity: Entity, quotes: list[Entity]) -> bool:
    """Whether it lies partly in a quote: it may lie in one, or outside of all."""
    return any(
        _touches(entity, [quote])
        and not (quote["offset"] <= entity["offset"] and _end(entity) <= _end(quote))
        for quote in quotes
    )


def _cut_styles(styles: list[Entity], others: list[Entity]) -> list[Entity]:
    """Bold, italic and so on, merged per style, cut where another entity begins or an unlike one
    ends, and dropped inside of code."""
    merged = [piece for style in _STYLES for piece in _merged(style, styles)]
    cuts = {start for _, start, _ in merged}
    cuts |= {e["offset"] for e in others} | {_end(e) for e in others}
    code = [e for e in others if e["type"] in _CODE]
    pieces = []
    for style, start, end in merged:
        borders = sorted({start, end} | {cut for cut in cuts if start < cut < end})
        for left, right in pairwise(borders):
            piece = {"type": style, "offset": left, "length": right - left}
            if not _touches(piece, code):
                pieces.append(piece)
    return pieces


def _merged(style: str, styles: list[Entity]) -> list[tuple[str, int, int]]:
    """Runs of one style: (style, start, end); those that touch are one."""
    runs: list[tuple[str, int, int]] = []
    for entity in sorted((e for e in styles if e["type"] == style), key=_place):
        if runs and entity["offset"] <= runs[-1][2]:
            runs[-1] = (style, runs[-1][1], max(runs[-1][2], _end(entity)))
        else:
            runs.append((style, entity["offset"], _end(entity)))
    return runs


def _detect(text: str) -> list[Entity]:
    """Links, e-mail addresses, commands, mentions, hashtags and cashtags in a plain text."""
    if not any(mark in text for mark in "@/#$.:"):
        return []
    spans = [
        *_mentions(text),
        *(("bot_command", *m.span()) for m in _COMMAND.finditer(text)),
        *(("hashtag", *m.span()) for m in _HASHTAG.finditer(text)),
        *(("cashtag", *m.span()) for m in _CASHTAG.finditer(text)),
        *_urls(text),
    ]
    offsets = utf16.offsets(text)
    return _apart(
        [
            {"type": kind, "offset": offsets[start], "length": offsets[end] - offsets[start]}
            for kind, start, end in spans
        ]
    )


def _mentions(text: str) -> Iterable[tuple[str, int, int]]:
    for match in _MENTION.finditer(text):
        if len(match[1]) >= 4 or match[1].lower() in _SHORT_NAMES:
            yield "mention", *match.span()


def _urls(text: str) -> Iterable[tuple[str, int, int]]:
    for match in _TG_URL.finditer(text):
        yield "url", match.start(), match.start() + len(match[0].rstrip(_AFTER_URL))
    for match in _URL.finditer(text):
        before = text[match.start() - 1 : match.start()]
        if before and (before.isalnum() or before in "_/#@"):
            continue
        if not match["scheme"] and _EMAIL.fullmatch(match[0].rstrip(_AFTER_URL)):
            yield "email", match.start(), match.start() + len(match[0].rstrip(_AFTER_URL))
        elif _is_domain(match["host"], scheme=bool(match["scheme"])):
            yield "url", match.start(), match.start() + len(_without_tail(match))


def _is_domain(host: str, *, scheme: bool) -> bool:
    labels = host.split(".")
    if all(label.isdigit() for label in labels):
        return len(labels) == 4 and all(int(label) < 256 for label in labels)
    tld = labels[-1].lower()
    if "_" in tld or "_" in labels[-2] or any(label.endswith("-") for label in labels):
        return False
    return len(tld) > 1 and (scheme or tld in _TLDS or tld.startswith("xn--"))


def _without_tail(match: re.Match[str]) -> str:
    """The address without the punctuation behind it, nor brackets that it didn't open."""
    path = match["path"] or ""
    balance = {"(": 0, "[": 0, "{": 0}
    for index, char in enumerate(path):
        if char in balance:
            balance[char] += 1
        elif char in ")]}":
            opening = "([{"[")]}".index(char)]
            balance[opening] -= 1
            if balance[opening] < 0:
                path = path[:index]
                break
    path = path.rstrip(_AFTER_URL)
    return match[0][: len(match[0]) - len(match["path"] or "")] + ("" if path in "?#" else path)
