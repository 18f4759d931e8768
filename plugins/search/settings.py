"""Settings of search."""

from __future__ import annotations

from pydantic import Field

from plugram import PluginSettings


class Settings(PluginSettings):
    """`[plugins.search]`."""

    page_size: int = Field(5, ge=1, le=10, description="Results on a page.")
    result_limit: int = Field(50, ge=1, le=200, description="Results that a search keeps at most.")
    min_similarity: float = Field(
        0.3,
        ge=0,
        le=1,
        description="How far above unrelated texts the closest passage must stand for passages to "
        "be shown that share no word with the query: 0 shows everything, 1 next to nothing. It "
        "means the same for every embedding model.",
    )
    min_coverage: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of the query that a passage must have word by word, weighted by how "
        "rare its words are, if its meaning alone isn't enough.",
    )
    words_weight: float = Field(1.0, ge=0, le=10, description="What matching words count for.")
    meaning_weight: float = Field(0.55, ge=0, le=10, description="What meaning counts for.")
    phrase_weight: float = Field(
        0.15, ge=0, le=10, description="What the query's words standing side by side count for."
    )
    name_weight: float = Field(
        0.3, ge=0, le=10, description="What the query's words in a file's name count for."
    )
    query_length: int = Field(
        400, ge=20, le=4000, description="Characters of a query; a longer one is cut, and told so."
    )
    passage_length: int = Field(
        600,
        ge=200,
        le=2000,
        description="Characters that a passage aims at. Applies to files that come in from now on.",
    )
    passages_per_file: int = Field(
        20_000,
        ge=1,
        le=1_000_000,
        description="Passages of one file that are searchable; the rest of it is left out.",
    )
    exact_below: int = Field(
        20_000,
        ge=100,
        le=1_000_000,
        description="Scopes with fewer passages are compared with the query one by one, larger "
        "ones through an approximate index.",
    )
    vector_memory_mb: int = Field(
        96,
        ge=8,
        le=65_536,
        description="SQLite: memory for vectors of the scopes that were searched last, in MB.",
    )
    embed_batch: int = Field(
        32, ge=1, le=2048, description="Passages that are embedded and saved at a time."
    )
    keep_results: int = Field(
        7,
        ge=1,
        le=365,
        description="Days that the buttons of a result list work and a search is offered again.",
    )
    searches_per_minute: int = Field(
        20,
        ge=1,
        le=10_000,
        description="Searches that a person may make in a minute, over all chats; pages of a list "
        "don't count.",
    )
