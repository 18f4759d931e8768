"""Roles: exactly one provider answers for each.

`[roles] embedder = "embeddings.offline"` names it (a plugin, or one of its providers); without that
the highest priority wins, and when others were there too, a warning says so once.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import RoleError
from core.log import get_logger

if TYPE_CHECKING:
    from core.host.roles import Provide

T = TypeVar("T")

log = get_logger("services")

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def role_name(role: type) -> str:
    """`BlobStore` → `blob_store`: the name in manifests and settings."""
    return _HUMP.sub("_", role.__name__).lower()


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider, as `plugram plugins info` shows it."""

    plugin_id: str
    offer: Provide

    @property
    def label(self) -> str:
        """`plugin`, or `plugin.name`: what `[roles]` may name."""
        return f"{self.plugin_id}.{self.offer.name}" if self.offer.name else self.plugin_id

    def is_called(self, choice: str) -> bool:
        return choice in (self.label, self.plugin_id)


class Services:
    """Who provides what."""

    def __init__(self, choices: Mapping[str, str]) -> None:
        """`choices`: the `[roles]` section, role name → `plugin` or `plugin.name`."""
        self._choices = choices
        self._providers: dict[str, list[Provider]] = {}
        self._warned: set[str] = set()

    def provide(self, plugin_id: str, offer: Provide) -> None:
        """Raises RoleError if the offer doesn't implement its role, or its name is taken."""
        role = role_name(offer.role)
        provider = Provider(plugin_id, offer)
        missing = _missing(offer.role, offer.impl)
        if missing:
            raise RoleError(
                f"{provider.label} offers {type(offer.impl).__name__} as {role}, but it lacks "
                f"{', '.join(missing)}"
            )
        others = self._providers.setdefault(role, [])
        if any(other.label == provider.label for other in others):
            raise RoleError(
                f"{provider.label} provides {role} twice", hint="give each `Provide` a `name`"
            )
        others.append(provider)
        # The load order breaks ties, so it doesn't depend on who was asked first.
        others.sort(key=lambda one: -one.offer.priority)

    def withdraw(self, plugin_id: str) -> None:
        """Take back all that a plugin provides."""
        for role, providers in self._providers.items():
            self._providers[role] = [one for one in providers if one.plugin_id != plugin_id]

    def providers(self, role: str) -> list[Provider]:
        """All providers of a role by its name, best first."""
        return list(self._providers.get(role, ()))

    def require(self, role: type[T]) -> T:
        """The provider of a role. Raises RoleError, which says what to switch on."""
        name = role_name(role)
        impl: T = self._chosen(name).offer.impl
        return impl

    def check(self, role: str) -> None:
        """Raises RoleError if nobody would answer for the role with this name."""
        self._chosen(role)

    def get(self, role: type[T]) -> T | None:
        """The provider, or None where nobody provides the role: for what is nice to have."""
        name = role_name(role)
        return self.require(role) if self._providers.get(name) or name in self._choices else None

    def _chosen(self, role: str) -> Provider:
        providers = self._providers.get(role, [])
        choice = self._choices.get(role, "")
        if choice:
            for provider in providers:
                if provider.is_called(choice):
                    return provider
            raise RoleError(
                f"[roles] {role} names {choice}, which doesn't provide it",
                hint=_way_out(role, providers),
            )
        if not providers:
            raise RoleError(f"nobody provides {role}", hint=_way_out(role, providers))
        self._warn(role, providers)
        return providers[0]

    def _warn(self, role: str, providers: list[Provider]) -> None:
        # What a plugin ranks among its own isn't chance.
        others = [one for one in providers[1:] if one.plugin_id != providers[0].plugin_id]
        if others and role not in self._warned:
            self._warned.add(role)
            log.warning(
                "several providers",
                role=role,
                chosen=providers[0].label,
                others=[other.label for other in others],
                hint=f"[roles] {role} = …",
            )


def _way_out(role: str, providers: list[Provider]) -> str:
    if providers:
        names = " or ".join(f'"{provider.label}"' for provider in providers)
        return f"set [roles] {role} to {names}"
    return f"switch on a plugin that provides {role}; `plugram plugins list` shows them"


def _missing(role: type, impl: Any) -> list[str]:
    """Members of the role that the object hasn't got. Unlike `isinstance` on Python 3.11 this
    evaluates no property: a provider's may load a model."""
    members = dict.fromkeys([*dir(role), *inspect.get_annotations(role)])
    return [name for name in members if not name.startswith("_") and not _has(impl, name)]


def _has(impl: Any, name: str) -> bool:
    absent = object()
    return inspect.getattr_static(impl, name, absent) is not absent
