"""How long a cold query takes over many passages while files come in.

The passages are made of real sentences and of words with a natural (Zipf) frequency, in three
languages; their vectors are the embedder's own of a part of them, each with many neighbours at the
distances that paraphrases have. Queries are distinct, and embedding them is part of the time. The
files come in beside them in the same process, through the same code as in the bot.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import numpy as np
from rich.console import Console
from rich.progress import Progress

from benchmarks.search.quality import LANGUAGES, read_documents, read_queries
from benchmarks.search.world import database_url, opened, search_on, silent, take_in
from core.db.database import Database
from core.db.scope import Scope
from core.host.roles import Section
from plugins.embeddings.offline import OfflineEmbedder
from plugins.search.service import Search

if TYPE_CHECKING:
    import numpy.typing as npt

BAR = 0.050
PER_FILE = 100
SCOPE = Scope.user(1)
_VOCABULARY = 60_000
_SYLLABLES = {
    "en": (
        "ba con der fer gra hol in ka lan mor nes op per quin ras sta ter un ver wil xen yor"
    ).split(),
    "ru": (
        "ба вер го дал жен зор ин ка лен мор нас оп пер рас ста тер ун фер хол цен чур шен"
    ).split(),
    "es": (
        "ba can der fra gon ha jun la mar nos ol per que ras san tor un ver yer za cho llo"
    ).split(),
}


class Texts:
    """Makes passages and queries; the same ones each time."""

    def __init__(self) -> None:
        self._random = random.Random(20)
        self._sentences = {
            language: [
                sentence + "."
                for text in read_documents(language).values()
                for sentence in text.rstrip(".").split(". ")
            ]
            for language in LANGUAGES
        }
        self._words = {language: self._vocabulary(language) for language in LANGUAGES}
        ranks = np.arange(1, _VOCABULARY + 1)
        self._cumulative = np.cumsum(1 / ranks).tolist()

    def _vocabulary(self, language: str) -> list[str]:
        words = list(
            dict.fromkeys(word for line in self._sentences[language] for word in line.split())
        )
        syllables = _SYLLABLES[language]
        while len(words) < _VOCABULARY:
            words.append("".join(self._random.choices(syllables, k=self._random.randint(2, 4))))
        return words

    def words(self, language: str, count: int) -> list[str]:
        return self._random.choices(self._words[language], cum_weights=self._cumulative, k=count)

    def passage(self) -> tuple[str, str]:
        """About 600 characters, and their language."""
        language = self._random.choices(LANGUAGES, (4, 4, 2))[0]
        text = ""
        while len(text) < 500:
            if self._random.random() < 0.35:
                text += self._random.choice(self._sentences[language]) + " "
            else:
                text += " ".join(self.words(language, self._random.randint(6, 14))) + ". "
        return text, language

    def queries(self, count: int) -> list[str]:
        """Half are people's own, half words of the passages: frequent, rare, and with a typo."""
        own = [one.text for language in LANGUAGES for one in read_queries(language)]
        self._random.shuffle(own)
        made: list[str] = []
        while len(made) < count:
            words = self.words(self._random.choice(LANGUAGES), self._random.randint(1, 6))
            if self._random.random() < 0.2:
                at = self._random.randrange(len(words))
                words[at] = words[at][:2] + words[at][3:]
            made.append(" ".join(words))
        half = count // 2
        chosen = list(dict.fromkeys([*own[:half], *made]))[:count]
        self._random.shuffle(chosen)
        return chosen


class Neighbours:
    """The real embedder for queries and files that come in; for the bulk, vectors around real ones.

    Embedding 100,000 passages would take ten minutes and change nothing: what counts for the
    index is how vectors lie to each other.
    """

    def __init__(self, real: OfflineEmbedder) -> None:
        self._real = real
        self._rng = np.random.default_rng(3)
        self._centres: npt.NDArray[np.float32] | None = None
        self.bulk = False

    @property
    def fingerprint(self) -> str:
        return self._real.fingerprint

    @property
    def dimension(self) -> int:
        return self._real.dimension

    async def prepare(self, texts: Sequence[str]) -> None:
        self._centres = await self._real.embed(texts, kind="passage")

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> npt.NDArray[np.float32]:
        if not self.bulk or self._centres is None:
            return await self._real.embed(texts, kind=kind)
        picked = self._centres[self._rng.integers(0, len(self._centres), len(texts))]
        noise = self._rng.normal(size=picked.shape) / np.sqrt(picked.shape[1])
        spread = self._rng.uniform(0.3, 1.0, (len(texts), 1))
        vectors = (picked + spread * noise).astype(np.float32)
        unit: npt.NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


async def fill(search: Search, embedder: Neighbours, texts: Texts, passages: int) -> None:
    await embedder.prepare([texts.passage()[0] for _ in range(1_000)])
    db = search.engine.db
    embedder.bulk = True
    # On PostgreSQL the two slow indexes are made at the end, as after a restore of a backup.
    indexes = await taken_away(db) if db.dialect == "postgres" else []
    with Progress(transient=True) as progress:
        task = progress.add_task("indexing", total=passages)
        for file_id in range(1, passages // PER_FILE + 1):
            made = [texts.passage() for _ in range(PER_FILE)]
            # A page each, so that passages stay as they were made.
            sections = [Section(text, {"page": n}) for n, (text, _) in enumerate(made, 1)]
            await take_in(search, SCOPE, file_id, sections, language=made[0][1])
            progress.advance(task, PER_FILE)
    embedder.bulk = False
    for definition in indexes:
        async with db.transaction():
            if (current := db.current) is not None:
                await current.script(definition)
    if await search.indexer.wants_vector_file(SCOPE):
        await search.indexer.build_vector_file(SCOPE, silent)
    if db.dialect == "postgres":
        for table in ("words", "terms", "passages", "vectors", "files"):
            await db.execute(f"VACUUM ANALYZE search_{table}")


async def taken_away(db: Database) -> list[str]:
    """Drop the slow indexes; the SQL that makes them."""
    rows = await db.fetch(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE indexname IN ('search_words_terms', 'search_vectors_512')"
    )
    for row in rows:
        await db.execute(f"DROP INDEX {row['indexname']}")
    return [row["indexdef"] for row in rows]


async def incoming(search: Search, texts: Texts, first_id: int, counted: list[int]) -> None:
    """Files of twenty passages, one after the other."""
    for file_id in range(first_id, first_id + 1_000_000):
        sections = [Section(texts.passage()[0], {"page": n}) for n in range(1, 21)]
        await take_in(search, SCOPE, file_id, sections)
        counted.append(len(sections))


async def ask(search: Search, queries: Sequence[str]) -> list[float]:
    """Seconds for each; with pauses, as people don't queue up."""
    times = []
    pauses = random.Random(1)
    for query in queries:
        started = time.perf_counter()
        await search.search(SCOPE, query)
        times.append(time.perf_counter() - started)
        await asyncio.sleep(pauses.uniform(0.02, 0.1))
    return times


def line(name: str, times: Sequence[float]) -> str:
    p50, p95, p99 = (float(np.percentile(times, q)) * 1000 for q in (50, 95, 99))
    return f"{name:<24} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   p99 {p99:6.1f} ms"


async def run(console: Console, dialect: str, passages: int, count: int) -> bool:
    """Print the figures; whether p95 holds the bar while files come in."""
    real = OfflineEmbedder()
    embedder, texts = Neighbours(real), Texts()
    with TemporaryDirectory() as folder, database_url(dialect) as url:
        async with opened(url, Path(folder)) as db:
            search = search_on(db, Path(folder), embedder)
            started = time.perf_counter()
            await fill(search, embedder, texts, passages)
            filled = time.perf_counter() - started
            queries = texts.queries(2 * count + 20)
            await ask(search, queries[:20])  # connections, caches, the model
            quiet = await ask(search, queries[20 : count + 20])
            counted: list[int] = []
            load = asyncio.create_task(incoming(search, texts, passages, counted))
            started = time.perf_counter()
            busy = await ask(search, queries[count + 20 :])
            rate = sum(counted) / (time.perf_counter() - started)
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
    await real.close()
    console.print(f"[bold]{passages} passages on {dialect}, indexed in {filled:.0f} s[/bold]")
    console.print(line("quiet", quiet))
    console.print(line(f"while {rate:.0f} passages/s come", busy))
    return float(np.percentile(busy, 95)) <= BAR
