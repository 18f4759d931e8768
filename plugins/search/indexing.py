"""Indexing: from the text of a file to passages that are found by words and by meaning."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from plugins.search.engine import Engine, FingerprintMismatch
from plugins.search.facts import FileFacts
from plugram import SYSTEM, Scope, scoped

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from plugins.search.api import FoundPassage
    from plugins.search.chunker import Passage
    from plugins.search.index import IndexedFile, PassageRow, Pending, Unembedded
    from plugins.search.settings import Settings
    from plugram import Embedder, FileLibrary, Section, StoredFile

Progress = Callable[[int, int], Awaitable[None]]
"""Told how much is done, of how much."""

SLICE = 200
"""Passages that are written in one transaction: about 0.1 s. A larger file takes several, and is
found when the last is through."""

_ANALYSED_AT_ONCE = 4
"""Passages: a few milliseconds in which a search shares the interpreter with them."""
_EMBEDDED_AT_ONCE = 8
"""Texts that an embedder is given at a time, between which searches go first, unless it says
(`at_once`) that it does more with one request."""
_LEFT_BEHIND = 600.0
"""Seconds after which what isn't finished was probably left behind by an outage."""
_FILES_AT_ONCE = 50
_MOST_MERGES = 2_000
"""Steps of merging the full-text index, 400,000 pages; the next deletion goes on."""
_NOBODYS = "nobody: it is being written anew"
"""Fingerprint of an index whose vectors are being removed."""


class Indexer:
    """Takes texts in and files out. What it does twice gives the same as once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._settings: Settings = engine.settings
        self._db = engine.db
        self._embedding: set[int] = set()
        """Files that tasks of this process embed at this moment."""

    # -- words

    async def receive(self, file: StoredFile, sections: Sequence[Section], language: str) -> None:
        """Keep a text for `index_file`, in the caller's transaction."""
        known = await self._engine.index.file(file.scope, file.id)
        facts = FileFacts.of(file, hidden=known is not None and known.facts.hidden)
        await self._put_pending(
            file.id, file.scope.key, file.name, language or file.language, sections, facts
        )

    async def index_file(self, file_id: int, progress: Progress) -> IndexedFile | None:
        """Cut and index the text that waits for this file, in place of the one it had; None if
        none waits. Afterwards the file is found by its words."""
        # A job knows no more than the file; whose it is stands in what waits.
        pending = await self._engine.index.pending(SYSTEM, file_id)
        if pending is None:
            return None
        passages = await asyncio.to_thread(_chunks, pending, self._settings)
        language = await asyncio.to_thread(_language, pending, passages)
        if len(passages) > self._settings.passages_per_file:
            self._engine.log.warning("only a part of the file is searchable", file=file_id)
            passages = passages[: self._settings.passages_per_file]
        file = _indexed(pending, language, len(passages))
        rows = [_name_row(file)]
        for at in range(0, len(passages), _ANALYSED_AT_ONCE):
            await self._engine.make_way()
            part = passages[at : at + _ANALYSED_AT_ONCE]
            rows += await asyncio.to_thread(_rows, file, at + 1, part)
            await progress(at, 2 * len(passages))
        return file if await self._replace(file, rows, pending, progress) else None

    async def _replace(
        self,
        file: IndexedFile,
        rows: Sequence[PassageRow],
        pending: Pending,
        progress: Progress,
    ) -> bool:
        """In one transaction, unless that would keep others from writing for too long. False: the
        file was forgotten meanwhile."""
        index, scope = self._engine.index, Scope(file.scope)
        slices = [rows[at : at + SLICE] for at in range(0, len(rows), SLICE)]
        old = await index.file(scope, file.file_id)
        if old is not None and old.passages >= SLICE:
            await self._remove_slowly(old)
        for number, part in enumerate(slices):
            await self._engine.make_way()
            async with self._db.transaction(scope):
                await index.lock(scope.key)
                if await index.pending_facts(scope, file.file_id) is None:
                    await self._remove_at_once(scope, file.file_id)
                    return False
                if not number:
                    await self._remove_at_once(scope, file.file_id)
                    await index.open_file(file, rows[0].packed)
                await index.add_passages(file, part)
                if number == len(slices) - 1:
                    await index.finish_file(file, words=True, meaning=False)
                    await index.drop_pending(scope, file.file_id, pending.received_at)
            await progress(len(rows) + number * SLICE, 2 * len(rows))
        return True

    async def describe(self, file: StoredFile, *, hidden: bool | None = None) -> bool:
        """Note what has changed of a file beside its content; with `hidden`, that it went to the
        trash or came back. True: `index_file` and `embed_file` have something to do."""
        from plugins.search.chunker import clean

        index, name = self._engine.index, clean(file.name)
        async with self._db.transaction(file.scope):
            await index.lock(file.scope.key)
            waiting = await index.pending_facts(file.scope, file.id)
            if waiting is not None:
                facts = FileFacts.of(file, hidden=waiting.hidden if hidden is None else hidden)
                await index.describe_pending(file.scope, file.id, name, facts)
            known = await index.file(file.scope, file.id)
            if known is None:
                return waiting is not None
            facts = FileFacts.of(file, hidden=known.facts.hidden if hidden is None else hidden)
            if facts != known.facts:
                await index.describe(known, facts)
            renamed = (name, facts.title) != (known.name, known.facts.title)
            if renamed and known.words:
                now = replace(known, name=name, facts=facts)
                await index.rename(now, _name_row(now))
            return waiting is not None or (renamed and not known.passages)

    async def describe_all(self, files: FileLibrary, progress: Progress) -> int:
        """Fetch the facts of all files that have none; how many were described. Files that the
        library doesn't show are in its trash, and hidden."""
        done = 0
        while unknown := await self._engine.index.undescribed(_FILES_AT_ONCE):
            scopes = sorted({scope for scope, _ in unknown})
            for scope in map(Scope, scopes):
                ids = [file_id for key, file_id in unknown if key == scope.key]
                there = await files.get_many(scope, ids)
                for file in there.values():
                    await self.describe(file)
                done += len(there)
                await self._set_aside(scope, set(ids) - set(there))
            await progress(done, done)
        return done

    async def _set_aside(self, scope: Scope, file_ids: Collection[int]) -> None:
        index = self._engine.index
        for file_id in file_ids:
            async with self._db.transaction(scope):
                await index.lock(scope.key)
                known = await index.file(scope, file_id)
                if known is not None:
                    await index.describe(known, FileFacts(kind="other", hidden=True))

    async def forget(self, scope: Scope, file_id: int) -> None:
        """Leave nothing of a file of a scope; one that isn't there is no error."""
        index = self._engine.index
        async with self._db.transaction(scope):
            await index.lock(scope.key)
            pending = await index.pending(scope, file_id)
            if pending is not None:
                await index.drop_pending(scope, file_id, pending.received_at)
            old = await index.file(scope, file_id)
        if old is not None:
            await self._remove_slowly(old)
            async with self._db.transaction(scope):
                await index.lock(scope.key)
                await index.close_file(old)
                await index.close_scope(scope.key)
        await index.forget_results(scope.key, file_id)
        await self._forget_in_memory(scope)

    async def forget_scope(self, scope: Scope) -> None:
        """Leave nothing of a scope without files, not even how much it held."""
        async with self._db.transaction(scope):
            await self._engine.index.lock(scope.key)
            await self._engine.index.drop_scope(scope.key)
        await self._forget_in_memory(scope)
        if (vectors := self._engine.vectors) is not None:
            with scoped(SYSTEM):
                await vectors.unknown_files(remove=True)

    async def _forget_in_memory(self, scope: Scope) -> None:
        """Drop what is remembered of a scope, and its index file if nothing is left of it."""
        self._engine.selector.forget(scope)
        if self._engine.results is not None:
            await self._engine.results.forget(scope)
        vectors = self._engine.vectors
        if vectors is not None:
            vectors.forget(scope.key)
            if not (await self._engine.index.statistics(scope)).files:
                await vectors.drop_file(scope.key)

    async def forget_passages(self, scope: Scope, file_id: int) -> None:
        """Those that have no row of a file any more."""
        await self._remove_slowly(_nameless(scope, file_id))

    async def leftovers(
        self,
        file_ids: Collection[int],
        *,
        fix: bool = False,
        files: FileLibrary | None = None,
    ) -> list[str]:
        """What is kept of files that aren't among these, a line each: see `Sweeper`."""
        from plugins.search.sweeping import Sweeper

        return await Sweeper(self._engine, self, fix=fix, files=files).leftovers(file_ids)

    async def merge_words(self, progress: Progress) -> None:
        """Take what deleted passages left in the full-text index out of it."""
        for done in range(_MOST_MERGES):
            if not await self._engine.index.merge_words():
                return
            await progress(done, _MOST_MERGES)
            await self._engine.make_way()

    async def holds_deleted_words(self) -> bool:
        """Whether `merge_words` has something to do."""
        return await self._engine.index.holds_deleted_words()

    async def _remove_slowly(self, file: IndexedFile) -> None:
        """All its passages, in several transactions; its row stays."""
        while True:
            async with self._db.transaction(Scope(file.scope)):
                await self._engine.index.lock(file.scope)
                if await self._engine.index.remove_passages(file, SLICE) < SLICE:
                    return

    async def _remove_at_once(self, scope: Scope, file_id: int) -> None:
        """What is there of a file, in the current transaction."""
        old = await self._engine.index.file(scope, file_id)
        if old is not None:
            while await self._engine.index.remove_passages(old, SLICE):
                pass
            await self._engine.index.close_file(old)

    async def _put_pending(
        self,
        file_id: int,
        scope: str,
        name: str,
        language: str,
        sections: Sequence[Section],
        facts: FileFacts,
    ) -> None:
        from plugins.search.chunker import clean
        from plugins.search.index import Pending

        written = [
            {"text": one.text, "locator": dict(one.locator), "heading": one.heading}
            for one in sections
        ]
        # JSON in ASCII: a text may hold what databases refuse, and is cleaned when it is cut.
        text = json.dumps(written)
        pending = Pending(file_id, scope, clean(name), language, text, time.time(), facts)
        await self._engine.index.put_pending(pending)

    # -- meaning

    async def embed_file(self, file_id: int, progress: Progress) -> IndexedFile | None:
        """Give every passage of a file its vector, so that it is found by meaning. None if there
        is nothing to embed with, or the file is gone. Raises FingerprintMismatch and what the
        embedder raises; what was embedded before stays."""
        index = self._engine.index
        file = await index.file(SYSTEM, file_id)
        embedder = self._engine.embedder()
        if file is None or not file.words or embedder is None:
            return None
        await self._engine.check_fingerprint(embedder, claim=True)
        scope, done = Scope(file.scope), 0
        while rows := await index.unembedded(scope, file_id, self._settings.embed_batch):
            vectors = await self._embedded(embedder, [_spoken(row) for row in rows])
            async with self._db.transaction(scope):
                await index.lock(scope.key)
                await self._engine.check_fingerprint(embedder)  # a reindex may have begun
                await index.add_vectors(scope.key, [row.passage_id for row in rows], vectors)
            done += len(rows)
            await progress(done, max(file.passages, done))
        async with self._db.transaction(scope):
            await index.finish_file(file, words=True, meaning=True)
        return file

    async def embed_with_others(self, file_id: int, progress: Progress) -> list[IndexedFile]:
        """As `embed_file`, and small files that wait as well, whosever they are, together: an
        endpoint is asked once for all of them. The files that are found by meaning now; none if
        another task of this process has taken this one along."""
        index, embedder = self._engine.index, self._engine.embedder()
        first = await index.file(SYSTEM, file_id)
        if first is None or not first.words or embedder is None or file_id in self._embedding:
            return []
        if first.meaning:  # another one took it along, and perhaps nobody was told
            return [first]
        files = [first, *await self._companions(first)]
        taken = {file.file_id for file in files}
        self._embedding |= taken
        try:
            if len(files) > 1:
                return await self._embed_together(files, embedder, progress)
            done = await self.embed_file(file_id, progress)
            return [done] if done is not None else []
        finally:
            self._embedding -= taken

    async def _companions(self, first: IndexedFile) -> list[IndexedFile]:
        room = self._settings.embed_batch - max(first.passages, 1)
        found = []
        waiting = await self._engine.index.meaningless(self._settings.embed_batch)
        for file in waiting if room > 0 else ():
            if file.file_id == first.file_id or file.file_id in self._embedding:
                continue
            room -= max(file.passages, 1)
            if room < 0:
                break
            found.append(file)
        return found

    async def _embed_together(
        self, files: Sequence[IndexedFile], embedder: Embedder, progress: Progress
    ) -> list[IndexedFile]:
        """Files that fit into one batch."""
        index = self._engine.index
        await self._engine.check_fingerprint(embedder, claim=True)
        most = self._settings.embed_batch
        waiting = {
            file: await index.unembedded(Scope(file.scope), file.file_id, most) for file in files
        }
        rows = [row for part in waiting.values() for row in part]
        vectors = await self._embedded(embedder, [_spoken(row) for row in rows])
        at = 0
        for file, part in waiting.items():
            scope, mine = Scope(file.scope), vectors[at : at + len(part)]
            at += len(part)
            async with self._db.transaction(scope):
                await index.lock(scope.key)
                await self._engine.check_fingerprint(embedder)  # a reindex may have begun
                if part:
                    await index.add_vectors(scope.key, [row.passage_id for row in part], mine)
                await index.finish_file(file, words=True, meaning=True)
            await progress(at, len(rows))
        return list(files)

    async def _embedded(self, embedder: Embedder, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        import numpy as np

        if not texts:
            return np.empty((0, embedder.dimension), np.float32)
        at_once: int = getattr(embedder, "at_once", _EMBEDDED_AT_ONCE)
        parts = []
        for at in range(0, len(texts), at_once):
            await self._engine.make_way()
            part = texts[at : at + at_once]
            parts.append(await embedder.embed(part, kind="passage"))
        joined: npt.NDArray[np.float32] = np.concatenate(parts)
        return joined

    async def can_embed(self) -> bool:
        """Whether there is an embedder, and it fits the index."""
        embedder = self._engine.embedder()
        if embedder is None:
            return False
        try:
            await self._engine.check_fingerprint(embedder)
        except FingerprintMismatch:
            return False
        return True

    async def unfinished(self, limit: int = 200) -> tuple[list[int], list[int]]:
        """Files whose text waits, and files without meaning, that an outage left behind."""
        before = time.time() - _LEFT_BEHIND
        with scoped(SYSTEM):
            waiting = await self._db.fetch(
                "SELECT file_id FROM search_pending WHERE received_at < $1"
                " ORDER BY file_id LIMIT $2",
                before,
                limit,
            )
            meaningless = await self._db.fetch(
                "SELECT file_id FROM search_files"
                " WHERE words = 1 AND meaning = 0 AND indexed_at < $1 ORDER BY file_id LIMIT $2",
                before,
                limit,
            )
        return [row["file_id"] for row in waiting], [row["file_id"] for row in meaningless]

    # -- index files of large scopes

    async def wants_vector_file(self, scope: Scope, *, erase: bool = False) -> bool:
        """Whether the scope's index file should be made anew; only SQLite has some. With `erase`,
        also if it holds anything that was forgotten."""
        vectors = self._engine.vectors
        if vectors is None:
            return False
        statistics = await self._engine.index.statistics(scope)
        return await vectors.wants_file(scope.key, statistics, erase=erase)

    async def build_vector_file(self, scope: Scope, progress: Progress) -> None:
        if (vectors := self._engine.vectors) is not None:
            await vectors.build(scope.key, await self._engine.index.statistics(scope), progress)

    async def renew_vector_file(self, scope: Scope) -> None:
        """Make a scope's index file out of nothing but the vectors that there are."""
        if (vectors := self._engine.vectors) is not None:
            await vectors.drop_file(scope.key)
            vectors.forget(scope.key)
            await self.build_vector_file(scope, silent)

    # -- starting anew

    async def reindex(self, progress: Progress) -> int:
        """Cut, analyse and embed everything anew with today's rules and embedder; how many files.

        Meaning goes first everywhere, so that vectors of two embedders never meet; each file is
        found by its words until its turn, and by meaning after it.
        """
        index, embedder = self._engine.index, self._engine.embedder()
        total = (await index.totals()).files
        await index.set_meta("fingerprint", _NOBODYS)
        await self._forget_meaning()
        if embedder is not None:
            await index.set_meta("fingerprint", self._engine.fingerprint(embedder))
        else:
            await index.drop_meta("fingerprint")
        done = 0
        async for file in self._all_files():
            await self._reindex_file(file)
            done += 1
            await progress(done, max(total, done))
        await self.note_analyzer(anew=True)
        await self._engine.forget_totals()
        return done

    async def _all_files(self) -> AsyncIterator[IndexedFile]:
        last = 0
        while files := await self._engine.index.files_after(last, _FILES_AT_ONCE):
            for file in files:
                yield file
            last = files[-1].file_id

    async def _forget_meaning(self) -> None:
        async for file in self._all_files():
            scope = Scope(file.scope)
            async with self._db.transaction(scope):
                await self._engine.index.lock(scope.key)
                await self._engine.index.drop_vectors(scope, file.file_id)
        if (vectors := self._engine.vectors) is not None:
            for key in await vectors.with_files():
                await vectors.drop_file(key)

    async def _reindex_file(self, file: IndexedFile) -> None:
        index, scope = self._engine.index, Scope(file.scope)
        if await index.pending(scope, file.file_id) is None:
            sections = _rejoined(await index.texts(scope, file.file_id))
            with scoped(scope):
                await self._put_pending(
                    file.file_id, file.scope, file.name, file.language, sections, file.facts
                )
        await self.index_file(file.file_id, silent)
        await self.embed_file(file.file_id, silent)
        if await self.wants_vector_file(scope):
            await self.build_vector_file(scope, silent)

    async def note_analyzer(self, *, anew: bool = False) -> None:
        """Keep which rules the index is written by, and say it if they are others by now."""
        from plugins.search.analyzer import ANALYZER

        index = self._engine.index
        if anew:
            await index.set_meta("analyzer", ANALYZER)
        elif (written := await index.claim_meta("analyzer", ANALYZER)) != ANALYZER:
            self._engine.log.warning(
                "the index was written by other rules: plugram search reindex",
                written=written,
                current=ANALYZER,
            )


async def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


# -- work for threads: no database in here ------------------------------------------------------


def _chunks(pending: Pending, settings: Settings) -> list[Passage]:
    from plugins.search.chunker import chunk
    from plugram import Section

    sections = [Section(**section) for section in json.loads(pending.sections)]
    # The name has a row of its own.
    sections = [section for section in sections if section.locator.get("part") != "name"]
    return chunk(sections, length=settings.passage_length)


def _language(pending: Pending, passages: Sequence[Passage]) -> str:
    """Of the whole document, once: a passage alone is too short to be sure."""
    from plugram import detect_language

    if pending.language:
        return pending.language
    return detect_language("\n".join(passage.text for passage in passages[:6]))


def _spoken(row: Unembedded) -> str:
    """What is embedded of a passage."""
    return f"{row.heading}\n{row.text}" if row.heading else row.text


def _nameless(scope: Scope, file_id: int) -> IndexedFile:
    from plugins.search.index import IndexedFile

    return IndexedFile(file_id, scope.key, "", "", 0, words=False, meaning=False)


def _indexed(pending: Pending, language: str, passages: int) -> IndexedFile:
    from plugins.search.index import IndexedFile

    return IndexedFile(
        pending.file_id,
        pending.scope,
        pending.name,
        language,
        passages,
        words=False,
        meaning=False,
        facts=pending.facts,
    )


def _name_row(file: IndexedFile) -> PassageRow:
    from plugins.search.analyzer import normalise, tokenise
    from plugins.search.index import row
    from plugins.search.ranker import pack

    name = normalise(file.name)
    tokens = tokenise(name, file.language)
    # What the document or the song calls itself is a name too.
    title = {
        form
        for token in tokenise(normalise(file.facts.title), file.language)
        for form in (token.exact, token.stem)
    }
    return row(file.scope, 0, name, tokens, packed=pack(file.scope, tokens, title), titles=title)


def _rows(file: IndexedFile, ordinal: int, passages: Sequence[Passage]) -> list[PassageRow]:
    from plugins.search.analyzer import tokenise
    from plugins.search.index import row
    from plugins.search.ranker import pack

    rows = []
    for number, passage in enumerate(passages, ordinal):
        tokens = tokenise(passage.text, file.language)
        # A chapter's title says what all its passages are about, though it stands in the first.
        above = "" if passage.heading in passage.text else passage.heading
        titles = {
            form for token in tokenise(above, file.language) for form in (token.exact, token.stem)
        }
        rows.append(
            row(
                file.scope,
                number,
                passage.text,
                tokens,
                packed=pack(file.scope, tokens, titles),
                titles=titles,
                heading=passage.heading,
                locator=passage.locator,
            )
        )
    return rows


def _rejoined(passages: Sequence[FoundPassage]) -> list[Section]:
    """Sections out of passages: neighbours with one place are one text again."""
    from plugram import Section

    sections: list[Section] = []
    for passage in passages:
        last = sections[-1] if sections else None
        if last and (last.locator, last.heading) == (passage.locator, passage.heading):
            sections[-1] = Section(f"{last.text}\n{passage.text}", last.locator, last.heading)
        else:
            sections.append(Section(passage.text, passage.locator, passage.heading))
    return sections
