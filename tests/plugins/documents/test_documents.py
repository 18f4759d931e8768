"""The processors as the files plugin runs them: in the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.config import SandboxSettings, Settings
from core.sandbox import Sandbox
from plugins.documents import PROCESSORS
from plugram import Processor, SandboxRefused, media
from tests.plugins.documents.samples import archive, compound, paragraph, pdf, word, word_of


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    section = SandboxSettings(cpu_seconds=3, wall_seconds=10)
    made = Sandbox(Settings(sandbox=section))
    yield made
    await made.close()


def processor_for(path: Path) -> Processor:
    mime = media.sniff(path, path.name)
    able = [one for one in PROCESSORS if media.matches(mime, tuple(one.mimes))]
    return max(able, key=lambda one: one.score)


async def text_of(sandbox: Sandbox, path: Path) -> str:
    extraction = await sandbox.run(processor_for(path), path)
    return "\n".join(section.text for section in extraction.sections)


async def reason(sandbox: Sandbox, path: Path) -> str:
    with pytest.raises(SandboxRefused) as refused:
        await sandbox.run(processor_for(path), path)
    return refused.value.reason


async def test_every_kind_is_read_within_the_limits(sandbox: Sandbox, tmp_path: Path) -> None:
    pdf(tmp_path / "a.pdf", [["Whales in a PDF"]])
    word(tmp_path / "a.docx")
    (tmp_path / "a.html").write_text("<h1>Whales</h1><p>in HTML")
    (tmp_path / "a.md").write_text("# Whales\n\nin *Markdown*")
    (tmp_path / "a.txt").write_text("whales in a text")
    (tmp_path / "a.py").write_text('"""whales in Python"""')
    for path in tmp_path.iterdir():
        assert "whales" in (await text_of(sandbox, path)).lower()


@pytest.mark.parametrize("name", ["a.txt", "a.docx", "a", "a.pdf.exe"])
async def test_a_wrong_extension_does_no_harm(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    assert "Whales" in await text_of(sandbox, pdf(tmp_path / name, [["Whales in a PDF"]]))


async def test_text_called_pdf_is_text(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_text("plain words")
    assert await text_of(sandbox, path) == "plain words"


async def test_old_office_files_are_told_from_locked_ones(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    assert await reason(sandbox, compound(path, {"EncryptedPackage": b"?"})) == "encrypted"
    assert await reason(sandbox, compound(path, {"Quill/QuillSub": b"?"})) == "unsupported"
    path.write_bytes(path.read_bytes()[:1000])
    assert await reason(sandbox, path) == "corrupt"


async def test_hostile_documents_cost_a_child_each(sandbox: Sandbox, tmp_path: Path) -> None:
    """Small files that are slow or huge to read: each ends in a refusal, in time."""
    shells = {"[Content_Types].xml": "<Types/>"}
    # Many megabytes of elements from a few kilobytes, under the limits of the archive itself.
    many = "<w:p/>" * 3_000_000
    hostile = {
        "bomb": archive(
            tmp_path / "bomb.docx", {**shells, "word/document.xml": b"\0" * (300 << 20)}
        ),
        "elements": word_of(tmp_path / "elements.docx", many),
        "nesting": tmp_path / "nesting.html",
        "stump": tmp_path / "stump.pdf",
    }
    hostile["nesting"].write_text("<html>" + "<div>" * 400_000 + "x")
    hostile["stump"].write_bytes(pdf(tmp_path / "a.pdf", [["whole"]]).read_bytes()[:500])
    for path in hostile.values():
        assert await reason(sandbox, path) in {
            "unpacked",
            "cpu",
            "wall",
            "memory",
            "corrupt",
            "empty",
        }
    honest = word_of(tmp_path / "b.docx", paragraph("still at work"))
    assert await text_of(sandbox, honest) == "still at work"


async def test_a_book_is_read_within_the_limits(tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    line = "Киты — крупные морские млекопитающие, и рассказать о них можно многое. "
    book.write_text(f"{line * 8}\n\n" * 19_000)  # 19 MB
    assert book.stat().st_size > 18 << 20
    sandbox = Sandbox(Settings())  # with the limits of a deployment
    extraction = await sandbox.run(processor_for(book), book)
    await sandbox.close()
    assert extraction.metadata["words"] > 1_000_000
