"""Take docs/img/playground.png: the real bot in the playground, as `plugram dev` starts it.

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

from playwright.async_api import Page, async_playwright
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playground.client import Person, Playground, PlaygroundError  # noqa: E402 - of this checkout

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


async def main(folder: Path) -> None:
    """Start everything, have a conversation, take the pictures."""
    async with running() as playground, browser_page(playground.url) as page:
        name = f"/bot{await playground.token()}/setMyName"
        await playground.call("POST", name, {"name": "Plugram"})
        await converse(playground.user("ann"))
        await picture(page, folder / "playground.png")


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


async def converse(ann: Person) -> None:
    """A file comes in, is read, and is found by its meaning."""
    await ann.upload(lease(), name="Lease agreement.pdf", mime="application/pdf")
    status = await ann.wait_reply(timeout=60)
    await ann.wait_text(status, "meaning", timeout=120)
    await ann.send("When do I get the deposit back after moving out?")
    await ann.wait_reply(contains="Lease agreement.pdf", timeout=60)


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
async def browser_page(url: str) -> AsyncIterator[Page]:
    """The chat page in a browser."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        page = await browser.new_page(
            viewport={"width": 1080, "height": 720},
            device_scale_factor=1.5,
            locale="en-GB",
            color_scheme="light",
        )
        await page.goto(url)
        await page.wait_for_selector("body[data-ready]")
        yield page
        await browser.close()


async def picture(page: Page, target: Path) -> None:
    """What the page shows once nothing moves any more."""
    await page.wait_for_timeout(1000)
    taken = await page.screenshot(path=target)
    print(f"{target} ({len(taken) // 1024} KB)")


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "img"))
