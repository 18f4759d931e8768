"""What a child of the sandbox may use, and why a file is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import SandboxRefused

REASONS = frozenset(
    {"memory", "output", "unpacked", "unsafe", "corrupt", "encrypted", "empty", "unsupported"}
)
"""What a child may say of a file itself; `cpu`, `wall` and `crash` are seen from outside."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use. The processor is given them as a dict."""

    memory_mb: int = 512
    """Address space (RLIMIT_AS), the preloaded libraries included."""
    cpu_seconds: int = 10
    wall_seconds: float = 20
    output_mb: int = 64
    """Size of its result as JSON."""
    unpacked_mb: int = 200
    """Of an archive and the archives in it; this and the next three are `safe_zip`'s."""
    archive_ratio: int = 100
    archive_entries: int = 10_000
    archive_depth: int = 3
    open_files: int = 64
    processes: int = 0
    """Processes and threads that it and its programs may start."""
    write_mb: int = 0
    """Size of the files that it writes, all together."""


LIMITED = {
    "memory_mb": "the file needs more than {memory_mb} MB of memory",
    "cpu_seconds": "the file needs more than {cpu_seconds} s of processor time",
    "wall_seconds": "the file isn't read after {wall_seconds} s",
    "output_mb": "the file's text is longer than {output_mb} MB",
    "unpacked_mb": "the archive unpacks to more than {unpacked_mb} MB",
    "archive_ratio": "the archive unpacks to more than {archive_ratio} times its size",
    "archive_entries": "the archive has more than {archive_entries} entries",
    "archive_depth": "the archive holds archives more than {archive_depth} deep",
}
"""Settings of `[sandbox]`, and what it means that a file goes beyond them."""
_USUAL = asdict(Limits())


def value(limits: Mapping[str, Any], name: str) -> int:
    """A limit by its name; the usual one for a processor that is called without any."""
    return int(limits.get(name, _USUAL[name]))


def beyond(reason: str, name: str, limits: Mapping[str, Any], detail: str = "") -> SandboxRefused:
    """The refusal of a file that goes beyond a limit: which, its value, and how it is raised."""
    sentence = LIMITED[name].format_map(_USUAL | dict(limits))
    if detail.startswith(sentence):  # a refusal that comes back from a child
        sentence, detail = detail, ""
    return SandboxRefused(
        f"{sentence}: {detail}" if detail else sentence,
        reason=reason,
        limit=f"sandbox.{name}",
        hint=f"set {name} in [sandbox] of settings.toml, or PLUGRAM_SANDBOX__{name.upper()}, "
        f"above {limits.get(name, _USUAL[name])}",
    )
