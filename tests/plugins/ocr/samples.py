"""Pages whose text is known, drawn here: clean, and as scanners and telephones spoil them."""

from __future__ import annotations

import difflib
import io
import re
import textwrap
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Pixels = npt.NDArray[np.uint8]

TEXTS = {
    "en": """\
The lighthouse keeper wrote every evening into the same thick book. He noted the wind, the \
height of the waves and the names of the ships that passed before the rain came.

In the winter of 1987 nobody visited the island for 43 days. The supply boat turned back twice, \
and the coffee was finished by the end of January. Still he was content: the radio played old \
songs, and the stove was warm.

When spring arrived, a letter brought good news. His sister would stay until September and help \
with the garden behind the tower.""",
    "ru": """\
Смотритель маяка каждый вечер делал записи в толстой тетради. Он отмечал ветер, высоту волн и \
названия кораблей, которые прошли мимо до начала дождя.

Зимой 1987 года на остров 43 дня никто не приезжал. Лодка с припасами дважды поворачивала назад, \
и к концу января кончился кофе. Всё же он был доволен: по радио звучали старые песни, а печка \
хорошо грела.

Когда наступила весна, пришло письмо с доброй вестью. Сестра собиралась остаться до сентября и \
помочь ему в саду за башней.""",
    "es": """\
El farero escribía cada noche en el mismo cuaderno grueso. Anotaba el viento, la altura de las \
olas y los nombres de los barcos que pasaban antes de la lluvia.

En el invierno de 1987 nadie visitó la isla durante 43 días. La lancha de provisiones regresó \
dos veces y el café se acabó a finales de enero. Aun así estaba contento: la radio tocaba \
canciones antiguas y la estufa daba calor.

Cuando llegó la primavera, una carta trajo buenas noticias. Su hermana se quedaría hasta \
septiembre para ayudar en el jardín pequeño detrás de la torre.""",
    "de": """\
Der Leuchtturmwärter schrieb jeden Abend in dasselbe dicke Heft. Er notierte den Wind, die Höhe \
der Wellen und die Namen der Schiffe, die vor dem Regen vorüberfuhren.

Im Winter 1987 besuchte 43 Tage lang niemand die Insel. Das Versorgungsboot kehrte zweimal um, \
und Ende Januar war der Kaffee aufgebraucht. Trotzdem war er zufrieden: Das Radio spielte alte \
Lieder, und der Ofen wärmte gut.

Als der Frühling kam, brachte ein Brief gute Nachrichten. Seine Schwester würde bis September \
bleiben und ihm im großen Garten hinter dem Turm helfen.""",
    "zh": """\
灯塔看守人每天晚上都在同一本厚厚的本子里写字。他记下风向、海浪的高度，以及下雨之前经过的船\
只的名字。

一九八七年的冬天，有四十三天没有人来到岛上。运送物资的船两次折返，到一月底咖啡已经喝完了。\
尽管如此，他还是很满足：收音机里播放着老歌，炉子也很暖和。

春天来的时候，一封信带来了好消息。他的妹妹要住到九月，帮他整理塔后面的花园。""",
}
"""A page each, made up for this."""


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Latin, Cyrillic, Greek, Chinese and Japanese letters in one."""
    package = files("noto_cjk_sans_jp_regular")
    return ImageFont.truetype(str(package / "NotoSansCJKjp-Regular.otf"), size)


def page(text: str, *, size: int = 42, width: int = 1700, margin: int = 140) -> Image.Image:
    """A sheet with paragraphs; 42 pixels a letter are 10 points at 300 dpi."""
    lines = [line for part in text.split("\n\n") for line in (*_wrapped(part, size, width), "")]
    step = int(size * 1.6)
    sheet = Image.new("L", (width, 2 * margin + step * len(lines)), 255)
    draw = ImageDraw.Draw(sheet)
    for row, line in enumerate(lines):
        draw.text((margin, margin + row * step), line, font=font(size), fill=20)
    return sheet


def _wrapped(text: str, size: int, width: int) -> list[str]:
    wide = max(map(ord, text)) > 0x2E80
    fits = int((width - 280) / (size if wide else size * 0.56))
    return textwrap.wrap(text, fits, break_long_words=wide)


# -- as they come -------------------------------------------------------------------------------


def rotated(sheet: Image.Image, degrees: int) -> Image.Image:
    return sheet.rotate(degrees, expand=True, fillcolor=255)


def skewed(sheet: Image.Image, degrees: float = 4.0) -> Image.Image:
    """As it lay on the glass."""
    return sheet.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def noisy(sheet: Image.Image) -> Image.Image:
    """A bad copy: grain, and specks of dust."""
    chance = np.random.default_rng(7)
    pixels = np.asarray(sheet, np.float32) + chance.normal(0, 28, (sheet.height, sheet.width))
    specks = chance.random(pixels.shape)
    pixels[specks < 0.004] = 0
    pixels[specks > 0.996] = 255
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def pale(sheet: Image.Image) -> Image.Image:
    """Grey letters on grey paper."""
    return sheet.point([int(150 + value / 255 * 45) for value in range(256)])


def small(sheet: Image.Image) -> Image.Image:
    """At about 110 dpi, compressed hard."""
    data = io.BytesIO()
    less = sheet.resize(
        (int(sheet.width * 0.38), int(sheet.height * 0.38)), Image.Resampling.LANCZOS
    )
    less.save(data, "JPEG", quality=55)
    return Image.open(data).convert("L")


def photographed(sheet: Image.Image) -> Image.Image:
    """On a dark table, from an angle, with the shadow of a hand, a little out of focus."""
    paper: Pixels = np.asarray(sheet)
    height, width = paper.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = np.array(
        [
            [0.16 * width, 0.12 * height],
            [1.10 * width, 0.06 * height],
            [1.18 * width, 1.10 * height],
            [0.06 * width, 1.16 * height],
        ],
        np.float32,
    )
    size = (int(1.25 * width), int(1.25 * height))
    turned = cv2.warpPerspective(
        paper, cv2.getPerspectiveTransform(corners, seen), size, borderValue=(60.0,)
    )
    across, down = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    light = 0.95 - 0.35 * across - 0.2 * down
    light[(across - 0.75) ** 2 + (down - 0.8) ** 2 < 0.09] *= 0.75
    shade = cv2.GaussianBlur(light.astype(np.float32), (0, 0), 25)
    grain = np.random.default_rng(11).normal(0, 4, turned.shape)
    shot = cv2.GaussianBlur(turned.astype(np.float32), (0, 0), 1.0) * shade + grain
    return Image.fromarray(shot.clip(0, 255).astype(np.uint8))


KINDS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "clean": lambda sheet: sheet,
    "rotated 90": lambda sheet: rotated(sheet, 90),
    "rotated 180": lambda sheet: rotated(sheet, 180),
    "rotated 270": lambda sheet: rotated(sheet, 270),
    "skewed": skewed,
    "noisy": noisy,
    "pale": pale,
    "small": small,
    "photographed": photographed,
}


# -- files --------------------------------------------------------------------------------------


def picture(sheet: Image.Image, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    sheet.save(data, kind)
    return data.getvalue()


def scan(path: Path, sheets: Sequence[Image.Image]) -> Path:
    """A PDF of pictures alone."""
    sheets[0].save(path, "PDF", resolution=200, save_all=True, append_images=sheets[1:])
    return path


def likeness(read: str, truth: str) -> float:
    """0–1: how much of the two texts is the same, whatever their lines."""
    one, other = (re.sub(r"\s+", " ", text).strip() for text in (read, truth))
    if max(map(ord, truth)) > 0x2E80:
        one, other = one.replace(" ", ""), other.replace(" ", "")
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
