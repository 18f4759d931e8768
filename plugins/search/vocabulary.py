"""The words of the query language in English, Russian and Spanish.

Whoever types may mix them. The first name of each language is the one that we write.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

_ACCENTS = re.compile("[\u0300-\u036f]")

Language = Literal["en", "ru", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
Names = Mapping[Language, tuple[str, ...]]

Key = Literal[
    "type", "from", "chat", "tag", "lang", "after", "before", "on", "larger", "smaller", "phrase"
]
"""What a term is about. A phrase has no name: its quotes tell."""

KEYS: Mapping[str, Names] = {
    "type": {"en": ("type", "kind"), "ru": ("тип", "вид"), "es": ("tipo", "clase")},
    "from": {
        "en": ("from", "sender", "by"),
        "ru": ("от", "отправитель"),
        "es": ("de", "remitente"),
    },
    "chat": {"en": ("chat", "in"), "ru": ("чат", "в"), "es": ("chat", "en")},
    "tag": {
        "en": ("tag", "tags", "label"),
        "ru": ("метка", "метки", "тег", "тэг"),
        "es": ("etiqueta", "etiquetas"),
    },
    "lang": {"en": ("lang", "language"), "ru": ("язык",), "es": ("idioma", "lengua")},
    "after": {"en": ("after", "since"), "ru": ("после", "с"), "es": ("después", "desde")},
    "before": {"en": ("before", "until"), "ru": ("до", "раньше"), "es": ("antes", "hasta")},
    "on": {"en": ("on", "date", "day"), "ru": ("дата", "за"), "es": ("fecha", "día")},
    "size": {"en": ("size",), "ru": ("размер",), "es": ("tamaño",)},
    "larger": {"en": ("larger", "bigger"), "ru": ("больше",), "es": ("mayor",)},
    "smaller": {"en": ("smaller",), "ru": ("меньше",), "es": ("menor",)},
}


@dataclass(frozen=True, slots=True)
class Type:
    """What a name of a type stands for; see `Facts`."""

    names: Names
    kinds: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


TYPES: Mapping[str, Type] = {
    "image": Type(
        {
            "en": ("image", "images", "photo", "photos", "picture", "pictures", "pic", "img"),
            "ru": (
                "фото",
                "фотография",
                "фотографии",
                "картинка",
                "картинки",
                "изображение",
                "снимок",
            ),
            "es": ("imagen", "imágenes", "foto", "fotos", "fotografía", "fotografías"),
        },
        kinds=("images",),
    ),
    "video": Type(
        {"en": ("video", "videos", "clip"), "ru": ("видео", "ролик"), "es": ("vídeo", "vídeos")},
        kinds=("videos",),
    ),
    "audio": Type(
        {
            "en": ("audio", "music", "song", "sound"),
            "ru": ("аудио", "музыка", "песня", "звук"),
            "es": ("audio", "música", "canción", "sonido"),
        },
        kinds=("audio",),
    ),
    "voice": Type(
        {"en": ("voice",), "ru": ("голос", "голосовое", "голосовые"), "es": ("voz",)},
        kinds=("voice",),
    ),
    "document": Type(
        {
            "en": ("document", "documents"),
            "ru": ("документ", "документы"),
            "es": ("documento", "documentos"),
        },
        kinds=("documents",),
    ),
    "animation": Type(
        {
            "en": ("animation", "gif", "gifs"),
            "ru": ("анимация", "гиф", "гифка"),
            "es": ("animación",),
        },
        kinds=("animations",),
    ),
    "sticker": Type(
        {
            "en": ("sticker", "stickers"),
            "ru": ("стикер", "стикеры", "наклейка"),
            "es": ("pegatina", "pegatinas"),
        },
        kinds=("stickers",),
    ),
    "other": Type(
        {"en": ("other",), "ru": ("другое", "прочее"), "es": ("otro", "otros")}, kinds=("other",)
    ),
    "pdf": Type({"en": ("pdf",), "ru": ("пдф",), "es": ()}, types=("application/pdf",)),
    "word": Type(
        {"en": ("word",), "ru": ("ворд",), "es": ()},
        types=(
            "application/msword",
            "application/rtf",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.*",
            "application/vnd.oasis.opendocument.text",
        ),
    ),
    "sheet": Type(
        {
            "en": ("sheet", "sheets", "spreadsheet", "spreadsheets", "table", "tables", "excel"),
            "ru": ("таблица", "таблицы", "эксель"),
            "es": ("tabla", "tablas", "hoja", "hojas"),
        },
        types=(
            "text/csv",
            "application/vnd.ms-excel",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.*",
            "application/vnd.oasis.opendocument.spreadsheet",
        ),
    ),
    "slides": Type(
        {
            "en": ("slides", "slide", "presentation", "presentations", "powerpoint"),
            "ru": ("презентация", "презентации", "слайды"),
            "es": ("presentación", "presentaciones", "diapositivas"),
        },
        types=(
            "application/vnd.ms-powerpoint",
            "application/vnd.openxmlformats-officedocument.presentationml.*",
            "application/vnd.oasis.opendocument.presentation",
        ),
    ),
    "text": Type(
        {"en": ("text", "texts"), "ru": ("текст", "тексты"), "es": ("texto", "textos")},
        types=("text/plain", "text/markdown"),
    ),
    "mail": Type(
        {
            "en": ("mail", "email", "mails", "emails"),
            "ru": ("письмо", "письма", "почта"),
            "es": ("correo", "correos"),
        },
        types=("message/rfc822", "application/vnd.ms-outlook", ".eml", ".msg"),
    ),
    "book": Type(
        {
            "en": ("book", "books", "ebook", "ebooks"),
            "ru": ("книга", "книги"),
            "es": ("libro", "libros"),
        },
        types=("application/epub+zip", ".epub", ".fb2", ".mobi"),
    ),
    "archive": Type(
        {
            "en": ("archive", "archives"),
            "ru": ("архив", "архивы"),
            "es": ("comprimido", "comprimidos"),
        },
        types=tuple(
            "application/zip application/x-tar application/gzip"
            " .zip .tar .gz .tgz .7z .rar .bz2 .xz".split()
        ),
    ),
    "code": Type(
        {"en": ("code",), "ru": ("код",), "es": ("código",)},
        types=tuple(
            ".py .js .ts .c .cpp .h .cs .java .go .rs .rb .php .sh .sql .kt .swift".split()
        ),
    ),
}

ME: Names = {"en": ("me", "myself"), "ru": ("я", "меня"), "es": ("mí", "yo")}
HERE: Names = {"en": ("here",), "ru": ("здесь",), "es": ("aquí",)}
HELP: Names = {"en": ("help", "?"), "ru": ("помощь", "справка"), "es": ("ayuda",)}
TODAY: Names = {"en": ("today",), "ru": ("сегодня",), "es": ("hoy",)}
YESTERDAY: Names = {"en": ("yesterday",), "ru": ("вчера",), "es": ("ayer",)}
SPANS: Mapping[str, Names] = {
    "7d": {"en": ("week",), "ru": ("неделя", "неделю", "недели"), "es": ("semana",)},
    "30d": {"en": ("month",), "ru": ("месяц", "месяца"), "es": ("mes",)},
    "365d": {"en": ("year",), "ru": ("год", "года"), "es": ("año",)},
}
"""The last so many days."""
DAYS = {"d": 1, "д": 1, "w": 7, "н": 7, "s": 7, "m": 30, "м": 30, "y": 365, "г": 365, "a": 365}
"""Days of the units in `7d`, `2w`, `3m`, `1y`."""
UNITS = {"b": 0, "kb": 10, "mb": 20, "gb": 30}
"""Powers of two."""
UNIT_NAMES = {
    "k": "kb",
    "m": "mb",
    "g": "gb",
    "б": "b",
    "к": "kb",
    "кб": "kb",
    "м": "mb",
    "мб": "mb",
    "г": "gb",
    "гб": "gb",
    "kib": "kb",
    "mib": "mb",
    "gib": "gb",
}


def plain(text: str) -> str:
    """Case and accents don't matter: people leave them out."""
    letters = unicodedata.normalize("NFD", text.casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", letters))


def _by_name(named: Mapping[str, Names]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value, names in named.items():
        for language in LANGUAGES:
            for name in names[language]:
                found.setdefault(plain(name), value)
    return found


KEY_OF = _by_name(KEYS)
TYPE_OF = _by_name({name: one.names for name, one in TYPES.items()})
DATE_OF = _by_name({"today": TODAY, "yesterday": YESTERDAY, **SPANS})
ME_NAMES = frozenset(_by_name({"me": ME}))
HELP_NAMES = frozenset(_by_name({"help": HELP}))
HERE_NAMES = frozenset(_by_name({"here": HERE}))


def written(names: Names, language: str) -> str:
    """The name to write in a language; English where it has none of its own."""
    code: Language = language if language in LANGUAGES else "en"
    return (names[code] or names["en"])[0]


@cache
def languages() -> dict[str, str]:
    """Codes of ISO 639-1 by themselves and by their names in our languages."""
    from babel import Locale

    found = {}
    for language in LANGUAGES:
        for code, name in Locale(language).languages.items():
            if len(code) == 2:
                found[code] = code
                found.setdefault(plain(name), code)
    return found
