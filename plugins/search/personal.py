"""What search keeps of a person beside the files that they know: nothing of it is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from plugram import Erased, Scope

if TYPE_CHECKING:
    from plugins.search.service import Search

_AT_ONCE = 50
_SLICE = 4.0
"""Seconds after which a call says that there is more."""


async def erase(search: Search, user_id: int) -> Erased:
    """Files tells of each file that goes; here goes what is left without it, and the scope."""
    scope, until, files = Scope.user(user_id), time.monotonic() + _SLICE, 0
    index = search.engine.index
    while file_ids := await index.files_of(scope, _AT_ONCE):
        for file_id in file_ids:
            await search.indexer.forget(scope, file_id)
            files += 1
            if time.monotonic() > until:
                return Erased({"texts": files}, more=True)
    await search.indexer.forget_scope(scope)
    while time.monotonic() < until and await index.merge_words():  # a job does the rest of it
        await search.engine.make_way()
    return Erased({"texts": files} if files else {})
