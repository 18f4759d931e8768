"""Which of the plugins that were found may load, and in which order: decided by manifests alone.

What can't load is set aside with a reason that names the way out, and so is what needs it.
"""

from __future__ import annotations

import ast
import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from core.errors import ManifestError
from core.host.discovery import Candidate, missing_extras, speaks
from core.host.plugin import API_VERSION, Manifest
from core.sources import nearest

CORE_CLI = frozenset(
    {"bench", "cache", "chaos", "config", "db", "deploy", "dev", "doctor", "flags", "jobs"}
    | {"keys", "plan", "playground", "plugins", "replay", "run", "updates", "version", "worker"}
)
"""Names of `plugram` sub-commands that plugins can't take."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A plugin that was set aside."""

    id: str
    reason: str
    stage: str
    """`manifest`, `order`, `conflict`, `import`, `settings`, `register`, `migrate`, `start`."""

    @property
    def cause(self) -> str:
        """The same for the same fault in every process and at every start."""
        return f"{self.stage}:{self.reason}"


class Choices(Protocol):
    """What the settings say about plugins (`core.config.Settings`)."""

    @property
    def features(self) -> Mapping[str, object]: ...
    @property
    def roles(self) -> Mapping[str, str]: ...
    def aliases(self, plugin_id: str) -> Mapping[str, str]: ...


@dataclass
class Lineup:
    """The answer: who loads, in this order; who is set aside; who is switched off."""

    order: list[Candidate] = field(default_factory=list)
    quarantined: list[Quarantine] = field(default_factory=list)
    disabled: list[Candidate] = field(default_factory=list)
    needs: dict[str, set[str]] = field(default_factory=dict)
    """Of those who load: the plugins that each requires, by itself or for their roles."""


def line_up(candidates: Sequence[Candidate], settings: Choices, *, safe_mode: bool) -> Lineup:
    """`safe_mode`: nothing but built-in plugins."""
    return _Arranger(candidates, settings, safe_mode=safe_mode).arrange()


def is_on(candidate: Candidate, settings: Choices, *, safe_mode: bool) -> bool:
    """What [features] says, else the manifest; a plugin that some have is on. Most are on:
    built-in plugins come with the host, the others the operator installed."""
    if safe_mode and candidate.origin != "built-in":
        return False
    default = candidate.manifest.default if candidate.manifest else True
    return bool(settings.features.get(candidate.id, default))


class _Arranger:
    def __init__(
        self, candidates: Sequence[Candidate], settings: Choices, *, safe_mode: bool
    ) -> None:
        self._settings = settings
        self._alive: dict[str, Candidate] = {}
        self._lineup = Lineup()
        self._reasons: dict[str, str] = {}
        for candidate in candidates:
            if is_on(candidate, settings, safe_mode=safe_mode):
                self._admit(candidate)
            else:
                self._lineup.disabled.append(candidate)

    def arrange(self) -> Lineup:
        """Set aside what can't be, until what is left fits together."""
        while not self._settled():
            pass
        return self._lineup

    def _settled(self) -> bool:
        if self._drop_unmet():
            return False
        order, cycle = self._ordered()
        if cycle:
            self._drop_cycle(cycle)
            return False
        clash = self._first_clash(order)
        if clash:
            self._drop(*clash, "conflict")
            return False
        self._lineup.order = order
        self._lineup.needs = {one.id: self._needed(manifest_of(one)) for one in order}
        return True

    def _admit(self, candidate: Candidate) -> None:
        twin = self._alive.get(candidate.id)
        reason = (
            f"{twin.source} has the id {candidate.id} too, and was found first; remove one of them"
            if twin
            else _unusable(candidate)
        )
        if reason:
            self._lineup.quarantined.append(Quarantine(candidate.id, reason, "manifest"))
            self._reasons.setdefault(candidate.id, reason)
        else:
            self._alive[candidate.id] = candidate

    def _drop(self, plugin_id: str, reason: str, stage: str) -> None:
        del self._alive[plugin_id]
        self._reasons[plugin_id] = reason
        self._lineup.quarantined.append(Quarantine(plugin_id, reason, stage))

    # -- requirements

    def _drop_unmet(self) -> bool:
        unmet = {
            candidate.id: reason
            for candidate in self._alive.values()
            if (reason := self._unmet(manifest_of(candidate)))
        }
        for plugin_id in sorted(unmet):
            self._drop(plugin_id, unmet[plugin_id], "order")
        return bool(unmet)

    def _unmet(self, manifest: Manifest) -> str:
        for role in manifest.requires.roles:
            if not self._providers(role):
                near = nearest(role, self._provided())
                return f"needs the role {role}, which no plugin that is on provides{near}"
        for plugin_id in manifest.requires.plugins:
            if plugin_id not in self._alive:
                return f"needs the plugin {plugin_id}, {self._absence(plugin_id)}"
        return ""

    def _absence(self, plugin_id: str) -> str:
        if plugin_id in self._reasons:
            return f"which is quarantined: {self._reasons[plugin_id]}"
        if any(candidate.id == plugin_id for candidate in self._lineup.disabled):
            return f"which is off; [features] {plugin_id} = true switches it on"
        known = [*self._alive, *(candidate.id for candidate in self._lineup.disabled)]
        return f"which isn't installed{nearest(plugin_id, known)}"

    def _provided(self) -> set[str]:
        return {role for one in self._alive.values() for role in manifest_of(one).provides}

    def _providers(self, role: str) -> list[str]:
        return [
            candidate.id
            for candidate in self._alive.values()
            if role in manifest_of(candidate).provides
        ]

    # -- order

    def _ordered(self) -> tuple[list[Candidate], list[str]]:
        """Dependencies first, else by id; or a cycle, its first id repeated at the end."""
        before = {plugin_id: self._before(plugin_id) for plugin_id in self._alive}
        ready = [plugin_id for plugin_id, earlier in before.items() if not earlier]
        heapq.heapify(ready)
        order: list[Candidate] = []
        while ready:
            plugin_id = heapq.heappop(ready)
            order.append(self._alive[plugin_id])
            for later in [one for one, earlier in before.items() if plugin_id in earlier]:
                before[later].discard(plugin_id)
                if not before[later]:
                    heapq.heappush(ready, later)
        left = {one: earlier for one, earlier in before.items() if earlier}
        return order, _cycle(left) if left else []

    def _before(self, plugin_id: str) -> set[str]:
        manifest = manifest_of(self._alive[plugin_id])
        named = {*manifest.after, *self._needed(manifest)}
        return (named & self._alive.keys()) - {plugin_id}

    def _needed(self, manifest: Manifest) -> set[str]:
        """Who must be there before: where several could have a role, all of them."""
        named = {*manifest.requires.plugins}
        for role in manifest.requires.roles:
            chosen = self._settings.roles.get(role, "").partition(".")[0]
            providers = self._providers(role)
            named |= {chosen} if chosen in providers else set(providers)
        return named

    def _drop_cycle(self, cycle: list[str]) -> None:
        path = " → ".join(cycle)
        for plugin_id in sorted(set(cycle)):
            self._drop(plugin_id, f"needs itself in a circle: {path}", "order")

    # -- names

    def _first_clash(self, order: Sequence[Candidate]) -> tuple[str, str] | None:
        """The first plugin that takes what an earlier one has, and why it can't."""
        for position, candidate in enumerate(order):
            for earlier in order[:position]:
                if _exclude(candidate, earlier):
                    return candidate.id, (
                        f"doesn't go together with {earlier.id}; [features] {candidate.id} = false "
                        f"or {earlier.id} = false"
                    )
        return self._same_name(order)

    def _same_name(self, order: Sequence[Candidate]) -> tuple[str, str] | None:
        owners = {f"CLI name {name}": "plugram itself" for name in CORE_CLI}
        for candidate in order:
            for claim in self._claims(candidate):
                other = owners.setdefault(claim.what, candidate.id)
                if other != candidate.id:
                    return candidate.id, (
                        f"its {claim.what} is taken by {other}; {claim.way_out(candidate.id)}"
                    )
        return None

    def _claims(self, candidate: Candidate) -> Iterator[_Claim]:
        manifest = manifest_of(candidate)
        aliases = self._settings.aliases(candidate.id)
        for name in manifest.commands:
            yield _Claim(f"command /{aliases.get(name, name)}", name)
        if manifest.cli:
            yield _Claim(f"CLI name {aliases.get(manifest.cli, manifest.cli)}", manifest.cli)
        for table in tables(candidate.root):
            yield _Claim(f"table {table}")


@dataclass(frozen=True, slots=True)
class _Claim:
    what: str
    renames: str = ""
    """The name that an alias can replace."""

    def way_out(self, plugin_id: str) -> str:
        if not self.renames:
            return f"[features] {plugin_id} = false"
        return f'[plugins.{plugin_id}.aliases] {self.renames} = "{plugin_id}_{self.renames}"'


def manifest_of(candidate: Candidate) -> Manifest:
    if candidate.manifest is None:
        raise ManifestError(f"plugin {candidate.id}: {candidate.error}")
    return candidate.manifest


def _unusable(candidate: Candidate) -> str:
    """Why it can't load whatever the others do, or an empty string."""
    if candidate.manifest is None:
        return candidate.error
    if not speaks(candidate.manifest):
        return (
            f"speaks plugin API {candidate.manifest.api}, this host speaks {API_VERSION}; "
            "install a version of the plugin that fits"
        )
    try:
        command = missing_extras(candidate)
    except ManifestError as error:
        return str(error)
    if command:
        return f"packages are missing; {command}"
    return _foreign_tables(candidate)


def _foreign_tables(candidate: Candidate) -> str:
    wrong = [table for table in tables(candidate.root) if not table.startswith(f"{candidate.id}_")]
    return f"its tables must be named {candidate.id}_…: {', '.join(wrong)}" if wrong else ""


def _exclude(one: Candidate, other: Candidate) -> bool:
    return other.id in manifest_of(one).conflicts or one.id in manifest_of(other).conflicts


def _cycle(left: Mapping[str, set[str]]) -> list[str]:
    """A circle among plugins that all wait for another one of them."""
    path = [min(left)]
    while True:
        step = min(left[path[-1]] & left.keys())
        if step in path:
            return [*path[path.index(step) :], step]
        path.append(step)


# -- tables ---------------------------------------------------------------------------------------

_CREATE = re.compile(
    r"^\s*create\s+(?:unlogged\s+|virtual\s+)?table\s+(?:if\s+not\s+exists\s+)?\"?(\w+)",
    re.IGNORECASE | re.MULTILINE,
)


def tables(root: Path) -> list[str]:
    """The tables that a plugin declares: `Meta.table` of its models, CREATE TABLE of its SQL."""
    sources = [root] if root.is_file() else [root / "models.py"]
    found = {table for source in sources if source.is_file() for table in _of_models(source)}
    if root.is_dir():
        for script in sorted(root.glob("migrations/*/*.sql")):
            text = script.read_text(encoding="utf-8", errors="replace")  # running it will tell
            found |= {name.lower() for name in _CREATE.findall(text)}
    return sorted(found)


def undeclared(root: Path, manifest: Manifest) -> list[str]:
    """Tables of a plugin of which its manifest doesn't say whose rows they hold."""
    return [table for table in tables(root) if table not in manifest.tables]


def _of_models(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return  # importing it will tell
    for meta in ast.walk(tree):
        if isinstance(meta, ast.ClassDef) and meta.name == "Meta":
            for node in ast.walk(meta):
                if (
                    isinstance(node, ast.Assign)
                    and [getattr(target, "id", "") for target in node.targets] == ["table"]
                    and isinstance(node.value, ast.Constant)
                ):
                    yield str(node.value.value)
