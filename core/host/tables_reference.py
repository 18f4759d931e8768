"""The inventory of tables as people read it."""

from __future__ import annotations

from core.db.tables import CORE_TABLES, Table, declared
from core.host.discovery import discover


def markdown() -> str:
    """Of the core's and the built-in plugins' tables those that hold something of a person, or let
    go of rows by age."""
    found = list(CORE_TABLES)
    for one in discover([]):
        if one.origin == "built-in" and one.manifest is not None:
            found += declared(one.id, one.manifest.tables)
    rows = ["| table | in an export | erased | kept for |", "|---|---|---|---|"]
    rows += [_row(table) for table in found if not table.nobody or table.keep_days]
    return "\n".join([*rows, ""])


def _row(table: Table) -> str:
    exported = "yes" if table.export and not table.nobody else ""
    erased = "" if table.nobody else "by its rows" if table.erase == "rows" else "by its owner"
    kept = f"{table.keep_days} days" if table.keep_days else ""
    return f"| `{table.name}` | {exported} | {erased} | {kept} |"
