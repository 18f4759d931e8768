"""Settings of embeddings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from plugram import PluginSettings


class Settings(PluginSettings):
    """`[plugins.embeddings]`."""

    provider: Literal["auto", "offline", "openai"] = Field(
        "auto",
        description="`offline`: the model that comes along; `openai`: OpenAI or any endpoint that "
        "speaks its protocol; `auto`: the endpoint if `url` is set, else offline.",
    )
    url: str = Field(
        "",
        description="Base URL of an OpenAI-compatible endpoint, up to and without `/embeddings` "
        "(`http://localhost:8000/v1`); empty: OpenAI itself.",
    )
    openai_api_key: SecretStr = Field(
        SecretStr(""), description="Key of the endpoint; local ones often need none."
    )
    model: str = Field(
        "text-embedding-3-small", min_length=1, description="Model that the endpoint is asked for."
    )
    dimensions: int = Field(
        0,
        ge=0,
        le=4000,
        description="Dimensions to ask the endpoint for; 0: as many as the model has.",
    )
    query_prefix: str = Field(
        "", description="Put before each query, as some models want it (E5: `query: `)."
    )
    passage_prefix: str = Field(
        "", description="Put before each passage, as some models want it (E5: `passage: `)."
    )
    batch_size: int = Field(64, ge=1, le=2048, description="Texts in one request to the endpoint.")
    timeout: float = Field(
        20.0, gt=0, le=600, description="Seconds that a request to the endpoint may take."
    )
    retries: int = Field(
        2, ge=0, le=10, description="Times that a failed request to the endpoint is tried again."
    )
    cache_size: int = Field(
        1000,
        ge=0,
        le=1_000_000,
        description="Queries whose vectors stay in memory (about 2 KB each); 0 keeps none.",
    )
    threads: int = Field(
        1, ge=1, le=64, description="Processor cores that the offline model may use at a time."
    )

    @field_validator("url")
    @classmethod
    def _http(cls, value: str) -> str:
        value = value.strip().rstrip("/").removesuffix("/embeddings")
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value

    @property
    def uses_endpoint(self) -> bool:
        return self.provider == "openai" or (self.provider == "auto" and bool(self.url))
