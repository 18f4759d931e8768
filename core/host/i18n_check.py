"""What is wrong with the catalogues: missing messages, unknown ones, incomplete plurals.

Read from the files alone: no plugin is imported, so it works for broken ones too.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ManifestError
from core.host.discovery import BUILT_IN, MANIFEST, read_manifest
from core.i18n import CORE, FALLBACK, read

if TYPE_CHECKING:
    from fluent.syntax.ast import Message, SelectExpression, Term

LANGUAGES = ("en", "ru", "es")
"""The languages that everything of ours speaks."""

# Fractions and millions: a sentence about a few files reads well without them.
_RARE_PLURALS = {"other", "many"}
_PLURALS = {"zero", "one", "two", "few", "many", "other"}

# Calls whose first argument is a message: `t("…")`, `t.plain("…")`, `translate("…")`, and the
# errors that a person reads.
_READERS = {"t", "translate", "plain", "UserError"}


@dataclass(frozen=True, slots=True)
class Room:
    """A folder of code with its catalogues."""

    id: str
    root: Path
    locales: Path


def check(rooms: Sequence[Room], languages: Sequence[str] = LANGUAGES) -> list[str]:
    """All problems, a sentence each."""
    catalogues = {room.id: _Catalogue.of(room, languages) for room in rooms}
    known = {key for catalogue in catalogues.values() for key in catalogue.keys(FALLBACK)}
    problems: list[str] = []
    for room in rooms:
        catalogue = catalogues[room.id]
        problems += catalogue.problems()
        problems += _unknown_keys(room, known)
        problems += _undeclared(room, catalogue)
    return problems


def rooms_of(root: Path, plugin_id: str) -> Room:
    return Room(plugin_id, root, root / "locales")


class _Catalogue:
    """One room's messages in all languages."""

    def __init__(self, room: Room, languages: Sequence[str]) -> None:
        self._room = room
        self._languages = languages
        self._entries: dict[str, dict[str, Message | Term]] = {one: {} for one in languages}
        self._wrong: list[str] = []

    @classmethod
    def of(cls, room: Room, languages: Sequence[str]) -> _Catalogue:
        from fluent.syntax.ast import Message, Term

        catalogue = cls(room, languages)
        for language in languages:
            path = room.locales / f"{language}.ftl"
            if not path.is_file():
                continue
            resource, wrong = read(path, room.id)
            catalogue._wrong += [f"{room.id}: {problem}" for problem in wrong]
            for entry in resource.body:
                if isinstance(entry, (Message, Term)):
                    catalogue._add(language, entry)
        return catalogue

    def _add(self, language: str, entry: Message | Term) -> None:
        key = entry.id.name
        if key in self._entries[language]:
            self._wrong.append(f"{self._room.id}: {language}.ftl: {key} stands there twice")
        self._entries[language][key] = entry

    def keys(self, language: str) -> set[str]:
        return set(self._entries[language])

    def problems(self) -> Iterator[str]:
        yield from self._wrong
        english = self._entries[FALLBACK]
        for language in self._languages:
            here = self._entries[language]
            where = f"{self._room.id}: {language}.ftl"
            for key in sorted(english.keys() - here.keys()):
                yield f"{where}: {key} is missing"
            for key in sorted(here.keys() - english.keys()):
                yield f"{where}: {key} is unknown to {FALLBACK}.ftl"
            for key, entry in here.items():
                if key in english and _variables(entry) != _variables(english[key]):
                    yield f"{where}: {key} takes other arguments than in {FALLBACK}.ftl"
                for lacking in _lacking_plurals(entry, language):
                    yield f"{where}: {key} lacks the plural form {lacking}"


def _variables(entry: Message | Term) -> set[str]:
    from fluent.syntax.ast import VariableReference

    return {node.id.name for node in _nodes(entry) if isinstance(node, VariableReference)}


def _lacking_plurals(entry: Message | Term, language: str) -> Iterator[str]:
    from babel import Locale
    from fluent.syntax.ast import SelectExpression

    needed = {*Locale(language).plural_form.tags, "other"} - _RARE_PLURALS
    for node in _nodes(entry):
        if isinstance(node, SelectExpression):
            named = _variant_names(node)
            if "1" in named and needed == {"one"}:  # there the form is for 1 alone
                named.add("one")
            if named & _PLURALS and named <= _PLURALS | _numbers(named):
                yield from sorted(needed - named)


def _variant_names(select: SelectExpression) -> set[str]:
    from fluent.syntax.ast import Identifier

    return {
        variant.key.name if isinstance(variant.key, Identifier) else variant.key.value
        for variant in select.variants
    }


def _numbers(names: Iterable[str]) -> set[str]:
    return {name for name in names if name.replace(".", "").isdigit()}


def _nodes(node: Any) -> Iterator[Any]:
    """A syntax node of Fluent and all below it."""
    from fluent.syntax.ast import BaseNode

    yield node
    for value in vars(node).values():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, BaseNode):
                yield from _nodes(child)


# -- what the code says ---------------------------------------------------------------------------


def _unknown_keys(room: Room, known: set[str]) -> Iterator[str]:
    """Messages that the code reads and no catalogue has."""
    for path in sorted(room.root.rglob("*.py") if room.root.is_dir() else [room.root]):
        for key, line in used_keys(path):
            own = f"{room.id}-{key}" if key.startswith("command-") else key
            pattern = re.compile(re.escape(own).replace(r"\*", ".+"))
            if not any(pattern.fullmatch(one) for one in known):
                yield f"{room.id}: {path.name}:{line}: there is no message {key}"


def used_keys(path: Path) -> Iterator[tuple[str, int]]:
    """Keys that a file reads, with their lines; the changing parts of f-strings as `*`."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _called(node.func) in _READERS:
            key = _text(node.args[0])
            if key is not None and re.fullmatch(r"[a-z][a-z0-9*_-]*-[a-z0-9*_-]+", key):
                yield key, node.lineno


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values
        )
    return None


def _undeclared(room: Room, catalogue: _Catalogue) -> Iterator[str]:
    """Messages that the host itself reads for a plugin: of its commands and preferences."""
    english = catalogue.keys(FALLBACK)
    if not english:
        return
    for key in [*_command_keys(room), *_preference_keys(room)]:
        if key not in english:
            yield f"{room.id}: {FALLBACK}.ftl: {key} is missing"


def _command_keys(room: Room) -> Iterator[str]:
    try:
        manifest = read_manifest(room.root) if room.id != "core" else None
    except ManifestError:
        return
    for name in manifest.commands if manifest else ():
        yield f"{room.id}-command-{name}"


def _preference_keys(room: Room) -> Iterator[str]:
    for path in sorted(room.root.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _called(node.func) == "Preference":
                yield from _keys_of_preference(room.id, node)


def _keys_of_preference(plugin_id: str, call: ast.Call) -> Iterator[str]:
    given = dict(zip(("name", "choices", "default"), call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    try:
        name, choices = (ast.literal_eval(given[part]) for part in ("name", "choices"))
    except (KeyError, ValueError):
        return
    yield f"{plugin_id}-preference-{name}"
    for choice in choices:
        yield f"{plugin_id}-preference-{name}-{choice}"


# -- the command ----------------------------------------------------------------------------------


def our_rooms() -> list[Room]:
    """The core and the built-in plugins."""
    folders = [folder for folder in sorted(BUILT_IN.iterdir()) if (folder / MANIFEST).is_file()]
    return [Room("core", CORE.parent, CORE), *(rooms_of(one, one.name) for one in folders)]


def main(folders: Sequence[str] | None = None) -> int:
    """Check our rooms, and folders of plugins given as arguments. Exit status 1 on problems."""
    rooms = our_rooms()
    for folder in sys.argv[1:] if folders is None else folders:
        root = Path(folder)
        rooms.append(rooms_of(root, read_manifest(root).id))
    problems = check(rooms)
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 - a command speaks
    return 1 if problems else 0
