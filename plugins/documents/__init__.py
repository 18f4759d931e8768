"""Processors for documents. Their modules are imported by the sandbox alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugram import Processor, hookimpl

if TYPE_CHECKING:
    from plugram import Context

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"

PROCESSORS = (
    Processor("pdf", ["application/pdf"], "plugins.documents.pdf:extract", preload=["pypdfium2"]),
    Processor(
        "docx",
        [f"{_WORD}.document", f"{_WORD}.template", "application/vnd.ms-word.document*"],
        "plugins.documents.docx:extract",
    ),
    Processor(
        "html",
        ["text/html", "application/xhtml+xml"],
        "plugins.documents.html:extract",
        preload=["selectolax.lexbor"],
    ),
    Processor(
        "markdown",
        ["text/markdown"],
        "plugins.documents.markdown:extract",
        preload=["markdown_it"],
    ),
    Processor(
        "text",
        ["text/*", "application/json"],
        "plugins.documents.text:extract",
        score=10,
        preload=["charset_normalizer"],
    ),
    Processor("ole", ["application/x-ole-storage"], "plugins.documents.ole:extract"),
)


@hookimpl
def processors(ctx: Context) -> Sequence[Processor]:
    return PROCESSORS
