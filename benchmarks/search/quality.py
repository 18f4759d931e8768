"""nDCG@10 of each leg and of the fused result, and whether fusing hurts.

The weights were chosen on `dev`; `test` only judges. The fused result may not be significantly
below its better leg: a paired bootstrap over the queries tells.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.search.world import database_url, opened, search_on, take_in
from core.db.database import Database
from core.db.scope import Scope
from core.host.roles import Embedder, Section
from plugins.embeddings.offline import OfflineEmbedder
from plugins.search.service import Search
from plugins.search.settings import Settings

COLLECTION = Path(__file__).parent / "collection"
LANGUAGES = ("en", "ru", "es")
DEPTH = 10

_OPEN = {"min_similarity": 0.0, "min_coverage": 0.0}
_LEGS = {
    "words": {**_OPEN, "meaning_weight": 0.0},
    "meaning": {**_OPEN, "words_weight": 0.0, "phrase_weight": 0.0, "name_weight": 0.0},
    # As it is served, thresholds and all: what they cut off counts against it.
    "fused": {},
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A query and the files that answer it, with their grades."""

    split: str
    text: str
    grades: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    split: str
    asked: str
    documents: str
    scores: Mapping[str, Sequence[float]]
    """By leg, one per query."""

    @property
    def better_leg(self) -> str:
        return max(("words", "meaning"), key=lambda leg: float(np.mean(self.scores[leg])))


def read_documents(language: str) -> dict[str, str]:
    lines = (COLLECTION / f"documents.{language}.txt").read_text("utf-8").splitlines()
    return {
        name.removeprefix("# "): text for name, text in zip(lines[::2], lines[1::2], strict=True)
    }


def read_queries(language: str) -> list[Judged]:
    lines = (COLLECTION / f"queries.{language}.txt").read_text("utf-8").splitlines()
    found = []
    for line in lines:
        split, grades, text = line.split(" | ")
        pairs = (one.split("=") for one in grades.split())
        found.append(Judged(split, text, {name: int(grade) for name, grade in pairs}))
    return found


def read_xquad(folder: Path, language: str) -> tuple[dict[str, str], list[Judged]]:
    """Paragraphs and questions of a public collection, in SQuAD's form: `xquad.<language>.json`."""
    data = json.loads((folder / f"xquad.{language}.json").read_text("utf-8"))["data"]
    documents: dict[str, str] = {}
    queries: list[Judged] = []
    for number, article in enumerate(data):
        for part, paragraph in enumerate(article["paragraphs"]):
            name = f"{number}-{part}"
            documents[name] = paragraph["context"]
            queries += [Judged("test", qa["question"], {name: 1}) for qa in paragraph["qas"]]
    return documents, queries


def ndcg(ranking: Sequence[str], grades: Mapping[str, int]) -> float:
    def gain(values: Sequence[int]) -> float:
        worth = [float(2**value - 1) / math.log2(at + 2) for at, value in enumerate(values[:DEPTH])]
        return sum(worth)

    ideal = gain(sorted(grades.values(), reverse=True))
    return gain([grades.get(name, 0) for name in ranking]) / ideal


def bootstrap(
    differences: Sequence[float], *, rounds: int = 10_000, seed: int = 7
) -> tuple[float, float, float]:
    """Mean of paired differences and its 95 % interval."""
    values = np.array(differences)
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, len(values), (rounds, len(values)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(values.mean()), float(low), float(high)


async def index_documents(
    search: Search, scope: Scope, documents: Mapping[str, str], first_id: int
) -> dict[int, str]:
    """File id → document."""
    names = dict(enumerate(documents, first_id))
    for file_id, name in names.items():
        # All files are called the same: names would give the answers away.
        await take_in(search, scope, file_id, [Section(documents[name])], name="scan.txt")
    return names


async def judge(
    searches: Mapping[str, Search],
    scope: Scope,
    names: Mapping[int, str],
    queries: Sequence[Judged],
) -> dict[str, list[float]]:
    scores: dict[str, list[float]] = {leg: [] for leg in searches}
    for query in queries:
        for leg, search in searches.items():
            found = await search.search(scope, query.text, limit=DEPTH)
            ranking = [names[hit.file_id] for hit in found.hits]
            scores[leg].append(ndcg(ranking, query.grades))
    return scores


async def measure(
    db: Database, folder: Path, embedder: Embedder, xquad: Path | None, step: int
) -> list[Outcome]:
    searches = {
        leg: search_on(db, folder, embedder, Settings(**overrides))
        for leg, overrides in _LEGS.items()
    }
    languages = (*LANGUAGES, "zh") if xquad else LANGUAGES
    material = {
        language: read_xquad(xquad, language)
        if xquad
        else (read_documents(language), read_queries(language))
        for language in languages
    }
    outcomes = []
    with Progress(transient=True) as progress:
        task = progress.add_task("judging", total=len(languages) ** 2)
        for number, language in enumerate(languages):
            scope = Scope.user(number + 1)
            names = await index_documents(
                searches["fused"], scope, material[language][0], number * 10_000 + 1
            )
            for asked in languages:
                for split in ("dev", "test"):
                    queries = [one for one in material[asked][1] if one.split == split][::step]
                    if queries:
                        scores = await judge(searches, scope, names, queries)
                        outcomes.append(Outcome(split, asked, language, scores))
                progress.advance(task)
    return outcomes


def show(console: Console, outcomes: Sequence[Outcome]) -> bool:
    """Print the figures; whether fusing is never significantly worse on `test`."""
    table = Table("split", "query → documents", "queries", "words", "meaning", "fused")
    table.add_column("fused − better leg (95 %)")
    fine = True
    across = [one for one in outcomes if one.split == "test" and one.asked != one.documents]
    joined = [_joined(across)] if across else []
    for outcome in sorted([*outcomes, *joined], key=lambda one: (one.split, one.asked)):
        better = outcome.scores[outcome.better_leg]
        differences = [a - b for a, b in zip(outcome.scores["fused"], better, strict=True)]
        mean, low, high = bootstrap(differences)
        significant = high < 0
        fine = fine and not (significant and outcome.split == "test")
        table.add_row(
            outcome.split,
            f"{outcome.asked} → {outcome.documents}",
            str(len(better)),
            *(f"{np.mean(outcome.scores[leg]):.3f}" for leg in _LEGS),
            f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]{' BELOW' if significant else ''}",
        )
    console.print(table)
    return fine


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Each wish once: it is asked in several languages of several collections, and these outcomes
    depend on each other."""
    scores = {leg: np.mean([one.scores[leg] for one in outcomes], axis=0).tolist() for leg in _LEGS}
    return Outcome("test", "any", "another language", scores)


async def run(console: Console, dialect: str, xquad: Path | None, step: int) -> bool:
    embedder = OfflineEmbedder()
    with TemporaryDirectory() as folder, database_url(dialect) as url:
        async with opened(url, Path(folder)) as db:
            outcomes = await measure(db, Path(folder), embedder, xquad, step)
    await embedder.close()
    name = "XQuAD" if xquad else "own collection"
    console.print(f"[bold]Quality on {dialect}, nDCG@{DEPTH}, {name}[/bold]")
    return show(console, outcomes)
