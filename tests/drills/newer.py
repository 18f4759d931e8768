"""`plugram …` of a version to come, for the drill of a rolling update.

Its updates and jobs have another form, which today's program can't read.

It is today's program with the constants and the upgrades that such a version would have.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from core.jobs import statements
from core.telegram import inbox

FORM = "second"
"""The field that payloads of version 2 have, before all others."""


def update_of_version_2(update: dict[str, Any]) -> dict[str, Any]:
    assert FORM not in update
    return {FORM: True, **update}


def kind_of(update: Mapping[str, Any]) -> str:
    """What comes from Telegram has no form yet; what lies in the inbox must have it."""
    return next((name for name in update if name not in (FORM, "update_id")), "")


def become_newer() -> None:
    inbox.VERSION = 2
    inbox.UPGRADES[1] = update_of_version_2
    dump = inbox._dumped
    inbox._dumped = lambda update: dump({FORM: True, **update})
    inbox.kind_of = kind_of
    statements.FORMAT = 2
    statements.UPGRADES[1] = lambda args: {**args, "form": 2}


if __name__ == "__main__":
    become_newer()
    from core.__main__ import main

    sys.exit(main())
