"""Row-level security on PostgreSQL: the second wall, made from the inventory of tables.

Each table with a scope gets one policy: rows of the transaction's scope (`plugram.scope`, set with
BEGIN and gone with COMMIT), or all of them for the system's. FORCE makes it hold for the owner of
the tables too. A superuser, or whoever has BYPASSRLS, isn't held by any policy: for such a login
every transaction steps down to a role without a login, `plugram_guarded`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import DatabaseError
from core.log import get_logger

if TYPE_CHECKING:
    from core.db.database import Database
    from core.db.tables import Table

log = get_logger("guard")

ROLE = "plugram_guarded"
_PREFIX = "plugram_scope_1_"
"""Of a policy's name; the column follows. Another rule gets another number."""
# In sub-selects, so that each is evaluated once for a statement and not for every row.
_RULE = (
    "{column} = (SELECT nullif(current_setting('plugram.scope', true), ''))"
    " OR (SELECT current_setting('plugram.scope', true)) = 'system'"
)
_STATE = (
    "SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,"
    " coalesce((SELECT array_agg(p.polname::text) FROM pg_policy p WHERE p.polrelid = c.oid"
    " AND p.polname LIKE 'plugram\\_scope\\_%'), '{}') AS policies"
    " FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace"
    " AND c.relkind IN ('r', 'p')"
)


@dataclass(frozen=True, slots=True)
class Gap:
    """A table whose row-level security isn't what the inventory says."""

    table: Table
    policies: Sequence[str]
    """Those of ours that it has."""


@dataclass(frozen=True, slots=True)
class Login:
    """How the wall stands to the login of `[database] url`."""

    user: str
    bypasses: bool
    """It is a superuser, or has BYPASSRLS."""
    role: bool
    """It can step down to `plugram_guarded`, which may use the tables."""


async def gaps(database: Database) -> list[Gap]:
    """What `apply` would change; nothing on SQLite, which has no such wall."""
    if database.dialect == "sqlite":
        return []
    there = {row["name"]: row for row in await database.fetch(_STATE)}
    found = []
    for table in database.tables:
        row = there.get(table.name)
        if row is None:
            continue
        wanted = [_policy(table)] if table.guarded else []
        if sorted(row["policies"]) != wanted or (table.guarded and not row["forced"]):
            found.append(Gap(table, row["policies"]))
    return found


async def is_due(database: Database) -> bool:
    """Whether `apply` has something to do."""
    found = await login(database)
    return bool(await gaps(database)) or (found is not None and found.bypasses and not found.role)


async def apply(database: Database) -> list[str]:
    """Make the wall what the inventory says, in the current transaction; the tables that changed.
    Its caller holds the migrations' lock."""
    if database.dialect == "sqlite":
        return []
    changed = []
    for gap in await gaps(database):
        for statement in _statements(gap):
            await database.execute(statement)
        changed.append(gap.table.name)
    await _make_role(database)
    return changed


async def login(database: Database) -> Login | None:
    """None on SQLite."""
    if database.dialect == "sqlite":
        return None
    row = await database.fetchrow(LOGIN)
    return Login(**row) if row else None


LOGIN = (
    # `core_jobs` stands for all tables: a role that another database's bot made has no rights here.
    "SELECT session_user::text AS user, r.rolsuper OR r.rolbypassrls AS bypasses,"  # noqa: S608 - ours
    f" coalesce((SELECT pg_has_role(g.oid, 'MEMBER') AND NOT g.rolbypassrls AND NOT g.rolsuper"
    " AND has_table_privilege(g.oid, to_regclass('core_jobs'), 'INSERT')"
    f" FROM pg_roles g WHERE g.rolname = '{ROLE}'), false) AS role"
    " FROM pg_roles r WHERE r.rolname = session_user"
)


def _policy(table: Table) -> str:
    return f"{_PREFIX}{table.scope}"[:63]


def _statements(gap: Gap) -> list[str]:
    name = f'"{gap.table.name}"'
    found = [f'DROP POLICY "{policy}" ON {name}' for policy in gap.policies]
    if not gap.table.guarded:
        return [
            *found,
            f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY",
        ]
    rule = _RULE.format(column=f'"{gap.table.scope}"')
    return [
        *found,
        f'CREATE POLICY "{_policy(gap.table)}" ON {name} USING ({rule}) WITH CHECK ({rule})',
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    ]


async def _make_role(database: Database) -> None:
    """For a login that no policy holds: the role that it steps down to, and its rights."""
    found = await login(database)
    if found is None or not found.bypasses:
        return
    statements = [
        # Another database's bot may make it at this moment.
        f"DO $$ BEGIN CREATE ROLE {ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
        f"GRANT {ROLE} TO CURRENT_USER",
        "DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO "
        f"{ROLE}', current_schema());"
        " EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO "
        f"{ROLE}', current_schema());"
        " EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %I TO "
        f"{ROLE}', current_schema()); END $$",
        f"ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {ROLE}",
        f"ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO {ROLE}",
    ]
    try:
        async with database.savepoint():
            for statement in statements:
                await database.execute(statement)
    except DatabaseError as error:
        log.warning(
            "row-level security doesn't hold: the login bypasses it, and can't make a role that"
            " doesn't",
            user=found.user,
            reason=error.message,
            way_out="docs/database.md: a login of the bot's own",
        )
