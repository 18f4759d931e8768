"""What the bucket does by itself as time goes: give up unfinished uploads, archive old files.

Our rules have ids that begin with `plugram:<prefix>`; those of others stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from plugins.storage import faults
from plugram import FileKind, StorageError

if TYPE_CHECKING:
    from plugins.storage.s3 import S3Store

Rule = dict[str, Any]
_RIGHT = "s3:PutLifecycleConfiguration"


@dataclass(frozen=True, slots=True)
class Rules:
    """Of one bucket: ours as they should be, all as they are."""

    wanted: Sequence[Rule]
    found: Sequence[Rule]
    mark: str
    """What ids of ours begin with."""

    @property
    def ours(self) -> list[Rule]:
        return [rule for rule in self.found if self._is_ours(rule)]

    @property
    def foreign(self) -> list[Rule]:
        return [rule for rule in self.found if not self._is_ours(rule)]

    @property
    def in_force(self) -> bool:
        return {_essence(rule) for rule in self.ours} == {_essence(rule) for rule in self.wanted}

    def _is_ours(self, rule: Rule) -> bool:
        return str(rule.get("ID", "")).startswith(self.mark)


async def look(store: S3Store) -> Rules:
    """Raises StorageError."""
    async with store.client() as client:
        try:
            answer = await store.call(
                client.get_bucket_lifecycle_configuration,
                "lifecycle rules can't be read",
                "s3:GetLifecycleConfiguration",
            )
        except StorageError as error:
            if faults.code_of(error) != "NoSuchLifecycleConfiguration":
                raise
            answer = {}
    return Rules(_wanted(store), answer.get("Rules", ()), _mark(store))


async def apply(store: S3Store, rules: Rules) -> None:
    """Put our rules into force, beside those of others. Raises StorageError."""
    everything = [*rules.foreign, *rules.wanted]
    async with store.client() as client:
        await store.call(
            client.put_bucket_lifecycle_configuration,
            "lifecycle rules can't be set",
            _RIGHT,
            LifecycleConfiguration={"Rules": everything},
        )


def _wanted(store: S3Store) -> list[Rule]:
    settings, mark = store.settings, _mark(store)
    days = math.ceil(settings.s3_unfinished_hours / 24)
    rules: list[Rule] = [
        {
            "ID": f"{mark}unfinished",
            "Status": "Enabled",
            "Filter": {"Prefix": store.prefix},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
        }
    ]
    if settings.s3_archive_days:
        step = {"Days": settings.s3_archive_days, "StorageClass": settings.s3_archive_class}
        # Kind by kind: thumbnails are looked at often, and small ones cost more there.
        rules += [
            {
                "ID": f"{mark}archive:{kind}",
                "Status": "Enabled",
                "Filter": {"Prefix": f"{store.prefix}{kind}/"},
                "Transitions": [step],
            }
            for kind in get_args(FileKind)
        ]
    return rules


def _mark(store: S3Store) -> str:
    return f"plugram:{store.prefix.rstrip('/')}:"


def _essence(rule: Rule) -> str:
    """What two rules that do the same have in common; servers add fields of their own."""
    parts = (
        rule.get("ID"),
        rule.get("Status"),
        rule.get("Filter", {}).get("Prefix", rule.get("Prefix")),
        rule.get("AbortIncompleteMultipartUpload"),
        rule.get("Transitions"),
    )
    return repr(parts)


def sentence(rule: Rule) -> str:
    """A rule for people."""
    prefix = rule.get("Filter", {}).get("Prefix", rule.get("Prefix", ""))
    under = f"under {prefix}" if prefix else "everywhere"
    if stale := rule.get("AbortIncompleteMultipartUpload"):
        return f"{under}: uploads unfinished after {stale['DaysAfterInitiation']} days are removed"
    for step in rule.get("Transitions", ()):
        return f"{under}: moved to {step['StorageClass']} after {step.get('Days', '?')} days"
    return f"{under}: a rule of somebody else"
