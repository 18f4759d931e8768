"""Feature flags: for whom a loaded plugin is on.

`[features] search = { users = [1, 2], chats = [-100…], percent = 20 }` loads the plugin for
everybody and lets some have it. Whoever acts for somebody asks `Flags.enabled`, live: the
dispatcher with each update, hooks about somebody's file, the runner with each job, menus.

Who is in a percentage is decided by a hash of the plugin and the person: they stay in when it
grows, and another plugin's percentage has other people. A plugin that requires another one is on
for nobody for whom that isn't.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

BUCKETS = 10_000
"""A hundredth of a percent each."""


class Rollout(Protocol):
    """What `[features]` says of a plugin that not everybody has (`core.config.Rollout`)."""

    @property
    def users(self) -> Sequence[int]: ...
    @property
    def chats(self) -> Sequence[int]: ...
    @property
    def percent(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether somebody has a plugin, and why."""

    on: bool
    why: str


@dataclass(frozen=True, slots=True)
class Rule:
    """For whom one plugin is on by itself."""

    plugin_id: str
    users: frozenset[int]
    chats: frozenset[int]
    limit: int
    """The first bucket that is out."""

    def admits(self, user: int | None, chat: int | None) -> bool:
        if chat in self.chats or user in self.users:
            return True
        who = chat if user is None else user
        # What is nobody's, as a cron job, happens wherever the plugin is loaded.
        return who is None or bucket(self.plugin_id, who) < self.limit

    def explain(self, user: int | None, chat: int | None) -> Verdict:
        if chat in self.chats:
            return Verdict(True, f"chat {chat} is named")
        if user in self.users:
            return Verdict(True, f"user {user} is named")
        who = chat if user is None else user
        if who is None:
            return Verdict(True, "it concerns nobody")
        place = bucket(self.plugin_id, who)
        share = f"{self.limit * 100 / BUCKETS:g} %"
        if not self.limit:
            return Verdict(False, "isn't named")
        compared = f"place {place * 100 / BUCKETS:g} of 100"
        inside = place < self.limit
        return Verdict(inside, f"{'in' if inside else 'not in'} the first {share} ({compared})")

    def __str__(self) -> str:
        """For whom, in words: `2 users, 1 chat, 20 %`."""
        parts = [
            _number(len(self.users), "user"),
            _number(len(self.chats), "chat"),
            f"{self.limit * 100 / BUCKETS:g} %" if self.limit else "",
        ]
        return ", ".join(filter(None, parts)) or "nobody"


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


@lru_cache(maxsize=1 << 16)
def bucket(plugin_id: str, who: int) -> int:
    """Somebody's place, 0 to 9999, among those who get a plugin: the same on every machine."""
    digest = hashlib.blake2b(f"{plugin_id}:{who}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % BUCKETS


class Flags:
    """The flags of a process. Plugins that everybody has cost one look into a dictionary."""

    def __init__(self, features: Mapping[str, bool | Rollout] | None = None) -> None:
        """`features`: the `[features]` section."""
        self._needs: Mapping[str, Collection[str]] = {}
        self._rules: dict[str, tuple[Rule, ...]] = {}
        self.replace(features or {})

    def replace(self, features: Mapping[str, bool | Rollout]) -> None:
        """Go by these from now on. What isn't loaded isn't switched on by it."""
        self._own = {
            plugin_id: Rule(
                plugin_id,
                frozenset(said.users),
                frozenset(said.chats),
                round(said.percent * BUCKETS / 100),
            )
            for plugin_id, said in features.items()
            if not isinstance(said, bool)
        }
        self.follow(self._needs)

    def follow(self, needs: Mapping[str, Collection[str]]) -> None:
        """`needs`: plugin → those that it requires. Who lacks one of these lacks it too."""
        self._needs = needs
        every = {*self._own, *needs}
        found = {
            one: [self._own[id_] for id_ in _all(one, needs) if id_ in self._own] for one in every
        }
        self._rules = {one: tuple(rules) for one, rules in found.items() if rules}

    def enabled(self, plugin_id: str, user: int | None, chat: int | None) -> bool:
        """Whether a loaded plugin is on for a person in a chat; neither is known: it is."""
        rules = self._rules.get(plugin_id)
        return rules is None or all(rule.admits(user, chat) for rule in rules)

    def is_for_all(self, plugin_id: str) -> bool:
        return plugin_id not in self._rules

    def explain(self, plugin_id: str, user: int | None, chat: int | None) -> Verdict:
        """As `enabled`, with the reason."""
        verdict = Verdict(True, "on for everybody")
        for rule in self._rules.get(plugin_id, ()):
            verdict = rule.explain(user, chat)
            if rule.plugin_id != plugin_id:
                state = "on" if verdict.on else "off"
                why = f"it needs {rule.plugin_id}, which is {state} for them: {verdict.why}"
                verdict = Verdict(verdict.on, why)
            if not verdict.on:
                return verdict
        return verdict

    def rules(self, plugin_id: str) -> tuple[Rule, ...]:
        """All that somebody must pass to have a plugin, its own first; none: all have it."""
        return self._rules.get(plugin_id, ())

    def describe(self, plugin_id: str) -> str:
        """For whom a plugin is on, in words; empty for everybody."""
        return "; ".join(
            str(rule) if rule.plugin_id == plugin_id else f"needs {rule.plugin_id}: {rule}"
            for rule in self.rules(plugin_id)
        )


def _all(plugin_id: str, needs: Mapping[str, Collection[str]]) -> list[str]:
    """A plugin and what it requires, directly or not."""
    found, todo = [plugin_id], sorted(needs.get(plugin_id, ()))
    while todo:
        one = todo.pop(0)
        if one not in found:
            found.append(one)
            todo += sorted(needs.get(one, ()))
    return found
