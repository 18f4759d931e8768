"""Plain text: the same words, whatever the encoding."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.documents.prose import SECTION_LENGTH
from plugins.documents.text import decode, extract
from plugram import SandboxRefused

_SAMPLES = {
    "ru": "Привет, мир! Это короткий текст.\nВторая строка: отчёт за 2024 год.",
    "uk": "Доброго дня! Це короткий текст із літерами ґ, є, ї.",
    "de": "Grüße aus München, naïve café — “quoted”",
    "es": "Hola, ¿qué tal? El niño comió piñas en la mañana.",
    "fr": "L'été dernier, j'ai mangé des crêpes à Nîmes, où il faisait très chaud.",
    "pl": "Zażółć gęślą jaźń, pchnąć w tę łódź jeża lub ośm skrzyń fig",
    "el": "Η γρήγορη αλεπού πηδά πάνω από το σκυλί",
    "zh": "你好，世界。这是一个测试文件，里面有一些中文文本。",
    "ja": "こんにちは、世界。これは日本語のテスト文書です。",
    "ko": "안녕하세요. 이것은 짧은 한국어 텍스트입니다.",
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        *((language, "utf-8") for language in _SAMPLES),
        *(("ru", name) for name in ("cp1251", "koi8-r", "cp866", "mac-cyrillic", "iso8859-5")),
        *(("ru", name) for name in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")),
        ("uk", "cp1251"),
        ("de", "cp1252"),
        ("es", "latin-1"),
        ("fr", "cp1252"),
        ("pl", "cp1250"),
        ("el", "cp1253"),
        ("zh", "gb18030"),
        ("ja", "shift_jis"),
        ("ja", "euc_jp"),
        ("ko", "euc_kr"),
    ],
)
def test_encodings_are_told_apart(language: str, encoding: str) -> None:
    assert decode(_SAMPLES[language].encode(encoding))[0] == _SAMPLES[language]


def test_a_few_broken_bytes_leave_the_rest_readable() -> None:
    data = (_SAMPLES["ru"] * 20).encode() + b"\xff"
    text, encoding = decode(data)
    assert encoding == "utf-8"
    assert text.startswith("Привет, мир!")


def test_sections_begin_where_paragraphs_do(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    paragraph = "A line of words.\n" * 30
    path.write_text("\n".join([paragraph] * 10))
    found = extract(str(path), {})
    lines = [one["locator"]["line"] for one in found["sections"]]
    assert lines[0] == 1
    assert all((line - 1) % 31 == 0 for line in lines)
    assert all(len(one["text"]) <= SECTION_LENGTH for one in found["sections"])
    assert found["metadata"] == {"words": 1200, "encoding": "utf-8"}


def test_one_endless_line_is_cut_at_spaces(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("word " * 200_000)
    sections = extract(str(path), {})["sections"]
    assert max(len(one["text"]) for one in sections) <= 4 * SECTION_LENGTH
    assert " ".join(one["text"] for one in sections).split() == ["word"] * 200_000


def test_invisible_characters_and_old_line_ends_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("so\u00adft\u200b ﬁne\r\nтекст\u202e\rend\x07".encode())
    assert extract(str(path), {})["sections"][0]["text"] == "soft fine\nтекст\nend"


@pytest.mark.parametrize("content", [b"", b"  \n\t \r\n"])
def test_nothing_is_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(SandboxRefused) as refused:
        extract(str(path), {})
    assert refused.value.reason == "empty"
