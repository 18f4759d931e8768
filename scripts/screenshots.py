"""Take the pictures of docs/img: the real bot in the playground, as `plugram dev` starts it.

    python scripts/screenshots.py [FOLDER]      # docs/img by default

Needs the development dependencies and a Chromium in PATH. The bot keeps its data in a temporary
folder; nothing outside of FOLDER changes.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playground.client import Chat, Person, Playground, PlaygroundError  # noqa: E402 - of this checkout

CHROMIUM = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
LEASE = (
    "Lease agreement. The flat at 12 Harbour Street is let from the first of May, unfurnished, "
    "for a monthly rent of 1,150 euros, due on the third working day of each month.",
    "Deposit. The deposit of two monthly rents is paid before moving in. It is returned within "
    "30 days after the tenant has moved out and handed over all keys.",
    "Pets. Small animals may be kept. A dog or a cat needs the written consent of the landlord, "
    "who refuses it only for a good reason.",
)
"""A page each."""
NOTES = """Moving list
Boxes: twelve for books, six for the kitchen. The piano goes last.
The van is booked for Saturday from eight until six; bring blankets and tape.
Hand over the keys of the old flat by Sunday evening.
"""
SHADES = 51
"""Of red, green and blue each."""
DESK: dict[str, Any] = {
    "viewport": {"width": 1180, "height": 740},
    "device_scale_factor": 1.25,
    "locale": "en-GB",
    "color_scheme": "light",
}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 780},
    "device_scale_factor": 2,
    "color_scheme": "dark",
    "has_touch": True,
    "is_mobile": True,
}


async def main(folder: Path) -> None:
    """Start everything, have conversations, take the pictures."""
    async with running() as playground, chromium() as browser:
        name = f"/bot{await playground.token()}/setMyName"
        await playground.call("POST", name, {"name": "Plugram"})
        ann = playground.user("ann")
        await search(ann)
        page = await opened(browser, playground.url)
        await picture(page, folder / "playground.png")
        await source(page)
        await picture(page, folder / "calls.png")
        await page.click("#panel-close")
        await files(ann)
        await picture(page, folder / "files.png")
        await talk(await playground.group("Moving house", members=["ann", "boris", "carmen"]))
        await page.click(".chat-row >> text=Moving house")
        await picture(page, folder / "group.png")
        phone = await opened(browser, playground.url, **PHONE)
        await picture(phone, folder / "phone.png")


@asynccontextmanager
async def running() -> AsyncIterator[Playground]:
    """`plugram dev` with a folder of its own, ready to answer."""
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        env = {**os.environ, "PLUGRAM_DATA_DIR": data, "PLUGRAM_WEB__PORT": "0"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "core", "dev", "--port", str(port)),
            cwd=ROOT,
            env=env,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            playground = Playground(f"http://127.0.0.1:{port}")
            await answering(playground)
            yield playground
        finally:
            process.terminate()
            await process.wait()


async def answering(playground: Playground, *, timeout: float = 90) -> None:
    """Wait until the bot polls. Raises TimeoutError."""
    async with asyncio.timeout(timeout):
        while True:
            try:
                state = await playground.call("GET", "/control/state")
            except (OSError, PlaygroundError):
                state = None
            if state and state["bot"]["online"]:
                return
            await asyncio.sleep(0.2)


async def search(ann: Person) -> None:
    """A file comes in, is read, and is found by its meaning."""
    await ann.upload(lease(), name="Lease agreement.pdf", mime="application/pdf")
    status = await ann.wait_reply(timeout=60)
    await ann.wait_text(status, "meaning", timeout=120)
    await ann.send("When do I get the deposit back after moving out?")
    await ann.wait_reply(contains="Lease agreement.pdf", timeout=60)


async def source(page: Page) -> None:
    """The calls behind the list of results."""
    await page.locator(".message.other .bubble").last.click(
        button="right", position={"x": 9, "y": 9}
    )
    await page.click("#popup >> text=Where it comes from")
    await page.wait_for_selector("#panel .json")


async def files(ann: Person) -> None:
    """The list of what is there."""
    await ann.upload(NOTES.encode(), name="Moving list.txt", mime="text/plain")
    status = await ann.wait_reply(timeout=60)
    await ann.wait_text(status, "meaning", timeout=120)
    await ann.send("/files")
    await ann.wait_reply(contains="2 files", timeout=30)


async def talk(group: Chat) -> None:
    """Several people, a file, and a question to the bot."""
    await group.send("ann", "I have the keys! 🎉")
    await group.send("boris", "Отлично, в субботу я свободен")
    await group.person("carmen").upload(NOTES.encode(), name="Moving list.txt", mime="text/plain")
    await group.send("carmen", "¿Quién trae las cajas?")
    poll = {"question": "When do we start?", "options": [{"text": "8:00"}, {"text": "10:00"}]}
    sent = await group.person("ann").share(poll={**poll, "is_anonymous": False})
    for name, option in (("ann", "8:00"), ("boris", "10:00"), ("carmen", "10:00")):
        await group.person(name).vote(sent, option)
    await group.send("ann", "/help@playground_bot")
    await group.wait_reply(timeout=30)


def lease() -> bytes:
    """The agreement as a PDF."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4)
    for text in LEASE:
        lines = canvas.beginText(72, 760)
        words = text.split()
        while words:
            lines.textLine(" ".join(words[:11]))
            words = words[11:]
        canvas.drawText(lines)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser without a window."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield browser
        await browser.close()


async def opened(browser: Browser, url: str, **options: Any) -> Page:
    """The page in a window of its own."""
    page = await browser.new_page(**{**DESK, **options})
    await page.goto(url)
    await page.wait_for_selector("body[data-ready]")
    return page


async def picture(page: Page, target: Path) -> None:
    """What the page shows once nothing moves any more."""
    await page.wait_for_timeout(1000)
    save(await page.screenshot(), target)


def save(taken: bytes, target: Path) -> None:
    """With fewer shades, which nobody sees and which halves the bytes."""
    with Image.open(io.BytesIO(taken)) as image:
        shades = [round(round(value * SHADES / 255) * 255 / SHADES) for value in range(256)]
        image.convert("RGB").point(shades * 3).save(target, optimize=True)
    print(f"{target} ({target.stat().st_size // 1024} KB)")


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "img"))
