"""Languages: the Fluent catalogues of the core and all plugins, merged, and `t`, which reads them.

A plugin's messages live in `locales/<language>.ftl` of its folder; their ids begin with the
plugin's id (`files-received`), but for `command-<name>`, the menu's text of a command. English is
the language that everything falls back to.

`python -m core.i18n` checks every catalogue: nothing missing, nothing unknown, plurals complete.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from core.log import get_logger

if TYPE_CHECKING:
    from fluent.runtime import FluentBundle
    from fluent.syntax.ast import EntryType, Resource

FALLBACK = "en"
CORE = Path(__file__).parent / "locales"

log = get_logger("i18n")

_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|#\d+);)")
_LONG = 500
"""Longer arguments go around fluent.runtime, which refuses parts above 2,500 characters."""


class HasTimezone(Protocol):
    @property
    def timezone(self) -> str: ...


class Html(str):
    """Markup that is inserted as it is; `t` answers with it, and takes it as an argument.

    `Html("\\n").join(lines)` and `Html("<b>") + name` escape the parts that aren't `Html`.
    """

    __slots__ = ()

    def join(self, parts: Iterable[str], /) -> Html:
        return Html(str.join(self, (escaped(part) for part in parts)))

    def __add__(self, other: str) -> Html:
        return Html(str.__add__(self, escaped(other)))

    def __radd__(self, other: str) -> Html:
        return Html(escaped(other) + str(self))


def escaped(text: str) -> str:
    """Text for HTML. What was escaped before isn't escaped again."""
    if isinstance(text, Html):
        return str(text)
    return _BARE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


class Translate:
    """The messages of one language, as handlers get them (`t`).

    `t(id, **args)` answers with HTML for a message: text arguments are escaped, `Html` is not.
    `t.plain(id, **args)` answers with bare text, for buttons and alerts. Numbers are written the
    language's way (so pass ids as text); dates go through `t.date` and its sisters, which show a
    person their own time zone.
    """

    def __init__(self, i18n: I18n, language: str, plugin_id: str = "") -> None:
        self._i18n = i18n
        self.language = language
        self._plugin = plugin_id

    def __call__(self, key: str, /, **args: Any) -> Html:
        return Html(self._i18n.t(self.language, self._own(key), **_prepared(args, escaped)))

    def plain(self, key: str, /, **args: Any) -> str:
        text = self._i18n.t(self.language, self._own(key), **_prepared(args, _bare))
        return html.unescape(text)

    def date(self, moment: datetime, person: HasTimezone, style: str = "medium") -> str:
        """The day, on the person's calendar. `style`: short, medium, long, full."""
        from babel.dates import format_date

        return format_date(local(moment, person.timezone), style, locale=self.language)

    def time(self, moment: datetime, person: HasTimezone) -> str:
        """Hours and minutes, on the person's clock."""
        from babel.dates import format_time

        return format_time(local(moment, person.timezone), "short", locale=self.language)

    def datetime(self, moment: datetime, person: HasTimezone, style: str = "medium") -> str:
        return f"{self.date(moment, person, style)}, {self.time(moment, person)}"

    def number(self, value: float) -> str:
        from babel.numbers import format_decimal

        return format_decimal(value, locale=self.language)

    def _own(self, key: str) -> str:
        """Each plugin has its own `command-…` messages."""
        return f"{self._plugin}-{key}" if key.startswith("command-") else key


class I18n:
    """The merged catalogue."""

    def __init__(self, default: str = FALLBACK) -> None:
        """`default`: the language of people whose own isn't known."""
        self._bundles: dict[str, FluentBundle] = {}
        self._reported: set[tuple[str, str]] = set()
        self.add("core", CORE)
        self.default = default if default in self._bundles else FALLBACK

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that the core speaks; English first."""
        return (FALLBACK, *sorted(self._bundles.keys() - {FALLBACK}))

    def add(self, plugin_id: str, folder: Path) -> list[str]:
        """Add `<folder>/*.ftl` to the catalogue; a folder that isn't there adds nothing.

        Returns what was left out, one sentence each: messages that can't be read, or whose id
        belongs to somebody else.
        """
        problems: list[str] = []
        for path in sorted(folder.glob("*.ftl")):
            if plugin_id != "core" and path.stem not in self._bundles:
                continue
            resource, wrong = read(path, plugin_id)
            problems += wrong
            self._bundle(path.stem).add_resource(resource, allow_overrides=True)
        return problems

    def language(self, code: str | None) -> str:
        """The language to speak to somebody whose Telegram says `code` (`pt-br`, None)."""
        base = (code or "").lower().replace("_", "-").split("-")[0]
        return base if base in self._bundles else self.default

    def bound(self, language: str, plugin_id: str = "") -> Translate:
        return Translate(self, self.language(language), plugin_id)

    def has(self, language: str, key: str) -> bool:
        bundle = self._bundles.get(language)
        return bundle is not None and bundle.has_message(key)

    def command(self, language: str, plugin_id: str, name: str) -> str | None:
        """A command's text for menus, or None where the plugin has no such message."""
        key = f"{plugin_id}-command-{name}"
        for candidate in (language, FALLBACK):
            if self.has(candidate, key):
                return self.bound(candidate).plain(key)
        return None

    def t(self, language: str, key: str, /, **args: Any) -> str:
        """A message, its arguments inserted as they are. A missing one is read in English; a key
        that English lacks too is its own text. Both are logged once."""
        for candidate in dict.fromkeys((language, FALLBACK)):
            if self.has(candidate, key):
                return self._format(candidate, key, args)
            self._report(candidate, key, "no such message")
        return key

    def _format(self, language: str, key: str, args: Mapping[str, Any]) -> str:
        bundle = self._bundles[language]
        pattern = bundle.get_message(key).value
        if pattern is None:
            return key
        short, long = _split(args)
        text, errors = bundle.format_pattern(pattern, short)
        if errors:
            self._report(language, key, "; ".join(str(error) for error in errors))
        filled = str(text)
        for token, value in long.items():
            filled = filled.replace(token, value)
        return filled

    def _bundle(self, language: str) -> FluentBundle:
        from fluent.runtime import FluentBundle

        if language not in self._bundles:
            # Isolating marks around arguments would end up inside names that people copy.
            self._bundles[language] = FluentBundle([language], use_isolating=False)
        return self._bundles[language]

    def _report(self, language: str, key: str, reason: str) -> None:
        if (language, key) not in self._reported:
            self._reported.add((language, key))
            log.warning("message not translated", language=language, key=key, reason=reason)


def read(path: Path, plugin_id: str) -> tuple[Resource, list[str]]:
    """Parse a catalogue for its plugin: `command-…` gets the plugin's id before it, and what can't
    be used is taken out and told."""
    from fluent.runtime import FluentResource
    from fluent.syntax.ast import Junk, Message, Term

    resource = FluentResource(path.read_text(encoding="utf-8"))
    problems: list[str] = []
    body: list[EntryType] = []
    for entry in resource.body:
        if isinstance(entry, Junk):
            problems.append(f"{path.name}: can't be read: {(entry.content or '').strip()[:80]!r}")
            continue
        if isinstance(entry, (Message, Term)):
            if entry.id.name.startswith("command-"):
                entry.id.name = f"{plugin_id}-{entry.id.name}"
            if not entry.id.name.startswith(f"{plugin_id}-"):
                problems.append(f"{path.name}: {entry.id.name} must begin with {plugin_id}-")
                continue
        body.append(entry)
    resource.body = body
    return resource, problems


def local(moment: datetime, timezone: str) -> datetime:
    """The moment on the clocks of an IANA time zone; a moment without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(_zone(timezone))


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _bare(text: str) -> str:
    """For `plain`, whose result is unescaped as a whole: literal text must survive that."""
    return text.replace("&", "&amp;") if not isinstance(text, Html) else str(text)


def _prepared(args: Mapping[str, Any], text: Any) -> dict[str, Any]:
    """Texts through `text`; numbers and moments stay what they are; the rest as text."""
    return {
        name: value
        if isinstance(value, (int, float, datetime)) and not isinstance(value, bool)
        else text(value if isinstance(value, str) else str(value))
        for name, value in args.items()
    }


def _split(args: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Arguments for Fluent, and the long ones behind the tokens that stand for them."""
    short: dict[str, Any] = {}
    long: dict[str, str] = {}
    for name, value in args.items():
        if isinstance(value, str) and len(value) > _LONG:
            token = f"\ue000{len(long)}\ue001"
            long[token] = value
            short[name] = token
        else:
            short[name] = value
    return short, long


if __name__ == "__main__":
    from importlib import import_module

    # By name: the check imports this module, and the core is acyclic.
    raise SystemExit(import_module("core.host.i18n_check").main())
