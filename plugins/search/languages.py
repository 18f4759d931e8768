"""What search knows about languages: stemmers, stop words, month names, detection."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import Protocol

_ALGORITHMS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
DETECTABLE_LENGTH = 20
"""Letters below which a detected language is a guess that does more harm than none."""

_SAMPLE = 2_000
_LETTER = re.compile(r"[^\W\d_]")


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - Snowball's name


@cache
def _stemmer(language: str) -> _Stemmer | None:
    algorithm = _ALGORITHMS.get(language)
    if algorithm is None:
        return None
    import snowballstemmer

    stemmer: _Stemmer = snowballstemmer.stemmer(algorithm)
    return stemmer


def stem(word: str, language: str) -> str:
    """The Snowball stem of a case-folded word; the word itself where the language has no stemmer,
    and for numbers and identifiers."""
    if any(char.isdigit() for char in word):
        return word
    stemmer = _stemmer(language)
    return stemmer.stemWord(word) if stemmer is not None else word


def detect(text: str) -> str:
    """ISO 639-1 code of the language of a text, "" if it can't be told.

    The script alone decides where it can; the detector's 75 MB are loaded only for the rest.
    """
    sample = text[:_SAMPLE]
    letters = "".join(_LETTER.findall(sample))
    if len(letters) < DETECTABLE_LENGTH:
        return ""
    script, share = Counter(map(_script, letters)).most_common(1)[0]
    if share > 0.6 * len(letters):
        if script == "cyrillic" and not _NOT_RUSSIAN.search(letters):
            return "ru"
        if script in {"ko", "th"}:
            return script
        if script == "han":
            return "ja" if _KANA.search(letters) else "zh"
    import py3langid

    code: str = py3langid.classify(sample)[0]
    return code


_KANA = re.compile("[\u3040-\u30ff]")
_NOT_RUSSIAN = re.compile("[іїєґўјљњћђџѓќәғқңөұүһ]", re.IGNORECASE)


def _script(char: str) -> str:
    code = ord(char)
    if code < 0x0250:
        return "latin"
    if 0x0400 <= code < 0x0530:
        return "cyrillic"
    if 0x3040 <= code < 0x3100 or 0x3400 <= code < 0xA000:
        return "han"
    if 0xAC00 <= code < 0xD7B0:
        return "ko"
    if 0x0E00 <= code < 0x0E80:
        return "th"
    return "other"


def _months() -> dict[str, int]:
    names = (
        "january jan января январь янв enero ene",
        "february feb февраля февраль фев febrero",
        "march mar марта март marzo",
        "april apr апреля апрель апр abril abr",
        "may мая май mayo",
        "june jun июня июнь июн junio",
        "july jul июля июль июл julio",
        "august aug августа август авг agosto ago",
        "september sep sept сентября сентябрь сен septiembre setiembre",
        "october oct октября октябрь окт octubre",
        "november nov ноября ноябрь ноя noviembre",
        "december dec декабря декабрь дек diciembre dic",
    )
    return {name: number for number, line in enumerate(names, 1) for name in line.split()}


MONTHS = _months()

# Folded: without accents, ё as е. Question words and the verbs of asking are among them, because
# in a small archive they are rare and would pass for significant.
STOP_WORDS = frozenset(
    """
    a about after all also an and any are as at be been before but by can could did do does for from
    had has have he her here him his how i if in into is it its just know like may me more most much
    many my no not of on one or other our out over please she should so some such than that the
    their them then there these they this those to under up us was we were what when where which
    while who whom whose why will with would you your find show tell give file files document
    documents need want looking get got

    а без более бы был была были было быть в вам вас ведь весь во вот все всего всех вы где да даже
    для до его ее если есть еще же за здесь и из или им их к как какая какие какой какую каких каком
    какова каков когда кого кому кто который которая которые которое которого которой которых
    которую ли лишь м меня мне много может можно мы на над надо наш не него нее нет ни них но о об
    однако он она они оно от по под после почему при про с сам сколько со так такой там те тем то
    того тоже той только том тот ту ты у уже хоть чего чей чем что чтобы чтоб эта эти это этого этой
    этом этот я найди найти покажи файл файлы документ документы нужно нужен нужна зачем куда откуда

    al algo ante antes aqui asi aun aunque cada como con contra cual cuales cualquier cuando cuanta
    cuantas cuanto cuantos cuyo de del desde donde dos el ella ellas ellos en entre era eran es esa
    esas ese eso esos esta estan estas este esto estos fue fueron ha habia han hasta hay la las le
    les lo los mas me mi mis muy nada ni nos o os para pero poco por porque puede que quien quienes
    se sea segun ser si sido sin sobre son su sus tal tambien tan tanto te tenia tiene tienen toda
    todas todo todos tu tus un una uno unos y ya yo busca buscar muestra archivo archivos documento

    der die das und ist ein eine im von mit zu den des wie was wer wo wann
    les des est une dans pour qui que quoi quel quelle comment ou du au aux et
    il che di dove quando quale come per della nel gli
    os da em um uma quem qual onde como quando ao dos nas
    """.split()
)
