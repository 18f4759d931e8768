"""The chat page in a real browser."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

import playground
from playground import Playground, Running
from playground.client import Person
from tests.playground.conftest import ANN, Api
from tests.playground.pictures import png

ARGUMENTS = [
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

expect.set_options(timeout=10_000)


pytestmark = pytest.mark.asyncio(loop_scope="module")  # one browser for all of them
OpenPage = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def running() -> AsyncIterator[Running]:
    async with playground.serve() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def ann(client: Playground) -> Person:
    person = client.user("ann")
    await person.send("hello")
    return person


@pytest_asyncio.fixture(loop_scope="module")
async def open_page(browser: Browser, running: Running) -> AsyncIterator[OpenPage]:
    """Opens the page; whatever it complains of or asks of other hosts fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def open_(**options: Any) -> Page:
        wanted = {"viewport": {"width": 1200, "height": 700}, "locale": "en-GB", **options}
        contexts.append(await browser.new_context(**wanted))
        page = await contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: complaints.append(r.url) if _is_outside(r.url) else None)
        await page.goto(running.url)
        await page.wait_for_selector("body[data-ready]")
        return page

    def _is_outside(url: str) -> bool:
        return not url.startswith((running.url, "data:", "blob:"))

    yield open_
    for context in contexts:
        await context.close()
    assert complaints == []


@pytest_asyncio.fixture(loop_scope="module")
async def page(open_page: OpenPage) -> Page:
    return await open_page()


async def test_an_empty_chat_tells_how_to_begin(page: Page, api: Api, running: Running) -> None:
    hello = page.locator("#hello")
    await expect(hello).to_contain_text("No bot is connected yet")
    await expect(hello).to_contain_text(running.url)
    await expect(hello).to_contain_text(api.token)
    await api.call("setMyCommands", commands=[{"command": "search", "description": "Find"}])
    await api.call("setMyDescription", description="I read documents.")
    poll = asyncio.ensure_future(api.updates(timeout=40))
    await expect(hello).to_contain_text("I read documents.")
    await expect(hello).to_contain_text("Drop a PDF here")
    await expect(hello).to_contain_text("/search")
    await page.click("#start")
    await expect(hello).to_be_hidden()
    await expect(page.locator("#start")).to_be_hidden()
    assert (await poll)[0]["message"]["text"] == "/start"


async def test_writing(page: Page, api: Api) -> None:
    await page.fill("#text", "one")
    await page.press("#text", "Shift+Enter")
    await page.locator("#text").press_sequentially("two")
    await page.press("#text", "Enter")
    await expect(page.locator(".own .text")).to_contain_text("one\ntwo")
    await expect(page.locator("#text")).to_have_value("")
    assert (await api.updates())[0]["message"]["text"] == "one\ntwo"


async def test_a_long_text_is_sent_in_parts(page: Page, api: Api) -> None:
    await page.fill("#text", "word " * 1500)
    await page.click("#send")
    await expect(page.locator(".own .text")).to_have_count(2)
    texts = [update["message"]["text"] for update in await api.updates()]
    assert " ".join(texts) == ("word " * 1500).strip()


FORMATS = """<b>bold</b> <i>italic</i> <u>under</u> <s>strike</s> <code>code</code>
<a href="https://example.com/a">link</a> https://example.com/b /cmd #tag @durov
<tg-spoiler>secret</tg-spoiler><blockquote>quoted</blockquote>
<blockquote expandable>1
2
3
4
5</blockquote>
<pre><code class="language-python">print(1)</code></pre>
&lt;img src=x onerror=alert(1)&gt;"""


async def test_formatting(page: Page, api: Api, ann: Person) -> None:
    await api.call("sendMessage", chat_id=ANN, text=FORMATS, parse_mode="HTML")
    text = page.locator(".other .text")
    for tag, inside in (("strong", "bold"), ("em", "italic"), ("u", "under"), ("s", "strike")):
        await expect(text.locator(tag)).to_have_text(inside)
    await expect(text.locator("code").first).to_have_text("code")
    await expect(text.locator("pre code")).to_have_text("print(1)")
    await expect(text.locator("pre .language")).to_have_text("python")
    for address in ("https://example.com/a", "https://example.com/b"):
        link = text.locator(f'a[href="{address}"]')
        await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await expect(text.locator("blockquote").first).to_contain_text("quoted")
    await expect(text).to_contain_text("<img src=x onerror=alert(1)>")
    spoiler = text.locator(".spoiler")
    await spoiler.click()
    await expect(spoiler).to_have_class("spoiler shown")
    quote = text.locator(".expandable")
    closed = await quote.bounding_box()
    await quote.click()
    opened = await quote.bounding_box()
    assert opened
    assert closed
    assert opened["height"] > closed["height"]
    await text.locator(".command").click()
    await expect(page.locator(".own .text").last).to_contain_text("/cmd")


async def test_dangerous_links_are_no_links(page: Page, api: Api, ann: Person) -> None:
    link = {"type": "text_link", "offset": 0, "length": 1, "url": "javascript:alert(1)"}
    await api.call("sendMessage", chat_id=ANN, text="x", entities=[link])
    await expect(page.locator(".other .text")).to_contain_text("x")
    assert await page.locator(".other .text a").count() == 0


async def test_buttons_spin_until_they_are_answered(page: Page, api: Api, ann: Person) -> None:
    row = [{"text": "Toast", "callback_data": "t"}, {"text": "Alert", "callback_data": "a"}]
    copy = [{"text": "Copy", "copy_text": {"text": "copied text"}}]
    await api.call(
        "sendMessage", chat_id=ANN, text="x", reply_markup={"inline_keyboard": [row, copy]}
    )
    toast = page.locator(".inline", has_text="Toast")
    await toast.click()
    await expect(toast).to_have_class("inline busy")
    query = (await api.updates(2, timeout=10))[0]["callback_query"]
    await api.call("answerCallbackQuery", callback_query_id=query["id"], text="Done!")
    await expect(page.locator(".toast")).to_have_text("Done!")
    await expect(toast).to_have_class("inline")
    await page.locator(".inline", has_text="Alert").click()
    query = (await api.updates(3, timeout=10))[0]["callback_query"]
    await api.call(
        "answerCallbackQuery", callback_query_id=query["id"], text="Look!", show_alert=True
    )
    await expect(page.locator("#dialog")).to_contain_text("Look!")
    await page.click("#dialog button")
    await page.locator(".inline", has_text="Copy").click()
    await expect(page.locator(".toast", has_text="Copied")).to_be_visible()


async def fill(api: Api, count: int) -> list[int]:
    sent = [await api.call("sendMessage", chat_id=ANN, text=f"line {n}") for n in range(count)]
    return [message["message_id"] for message in sent]


async def test_edits_are_live_and_nothing_jumps(page: Page, api: Api, ann: Person) -> None:
    ids = await fill(api, 40)
    await expect(page.locator(".other")).to_have_count(40)
    scroll = page.locator("#scroll")
    await scroll.evaluate("box => box.scrollTop = box.scrollHeight / 2")
    seen = page.locator(f'[data-id="{ids[25]}"]')
    before = await seen.bounding_box()
    await api.call(
        "editMessageText", chat_id=ANN, message_id=ids[0], text="edited\nto\nfive\nlines\nlong"
    )
    await api.call("editMessageText", chat_id=ANN, message_id=ids[39], text="last")
    await expect(page.locator(f'[data-id="{ids[0]}"]')).to_contain_text("edited")
    assert await seen.bounding_box() == before
    await api.call("sendMessage", chat_id=ANN, text="new")
    await expect(page.locator("#down .badge")).to_have_text("1")
    assert await seen.bounding_box() == before
    await page.click("#down")
    await expect(page.locator(".other").last).to_be_in_viewport()
    await expect(page.locator("#down")).to_be_hidden()


async def test_at_the_end_the_page_follows(page: Page, api: Api, ann: Person) -> None:
    ids = await fill(api, 30)
    await expect(page.locator(".other").last).to_be_in_viewport()
    await api.call("editMessageText", chat_id=ANN, message_id=ids[-1], text="a\n" * 20 + "end")
    await expect(page.locator(".other").last).to_contain_text("end")
    await expect(page.locator(".other .meta").last).to_be_in_viewport()


async def test_earlier_messages_are_loaded(page: Page, client: Playground, ann: Person) -> None:
    await client.call(
        "POST",
        "/control/bulk",
        {"messages": [{"user": "ann", "text": f"m{n}"} for n in range(250)]},
    )
    await page.reload()
    await page.wait_for_selector("body[data-ready]")
    await expect(page.locator(".own")).to_have_count(100)
    await page.locator("#scroll").evaluate("box => box.scrollTop = 0")
    await expect(page.locator(".own")).to_have_count(200)
    await page.locator("#scroll").evaluate("box => box.scrollTop = 0")
    await expect(page.locator(".own").first).to_contain_text("hello")
    texts = [text.splitlines()[0] for text in await page.locator(".own .text").all_inner_texts()]
    assert [text[:4].rstrip() for text in texts[1:4]] == ["m0", "m1", "m2"]


async def drop(page: Page, target: str, name: str, mime: str, content: bytes) -> None:
    """Drag a file over the page and let it go over an element."""
    await drop_all(page, target, [(name, mime, content)])


async def drop_all(page: Page, target: str, files: list[tuple[str, str, bytes]]) -> None:
    """The same with several: name, type and content of each."""
    script = """([target, files]) => {
        const transfer = new DataTransfer();
        for (const [name, mime, data] of files) {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            transfer.items.add(new File([bytes], name, {type: mime}));
        }
        const send = (node, kind) => node.dispatchEvent(
            new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
        send(document.body, "dragenter");
        const node = document.querySelector(target);
        send(node, "dragover");
        window.overlay = !document.getElementById("drop").hidden;
        send(node, "drop");
    }"""
    encoded = [[name, mime, base64.b64encode(data).decode()] for name, mime, data in files]
    await page.evaluate(script, [target, encoded])
    assert await page.evaluate("window.overlay")


async def test_a_document_is_dropped(page: Page, api: Api, ann: Person) -> None:
    pdf = b"%PDF-1.4 " + bytes(2000)
    await drop(page, '.zone[data-as="document"]', "Lease <b>.pdf", "application/pdf", pdf)
    await expect(page.locator("#drop")).to_be_hidden()
    await expect(page.locator("#dialog")).to_contain_text("Send 1 file")
    await page.fill("#dialog [name=caption]", "read this")
    await page.click("#dialog .strong")
    card = page.locator("a.file")
    await expect(card).to_contain_text("Lease <b>.pdf")
    await expect(card).to_contain_text("2 KB")
    await expect(page.locator(".own .text").last).to_contain_text("read this")
    message = (await api.updates(2))[0]["message"]
    assert message["document"]["mime_type"] == "application/pdf"
    async with page.expect_download() as download:
        await card.click()
    path = await (await download.value).path()
    assert await asyncio.to_thread(Path(path).read_bytes) == pdf


async def test_a_photo_is_dropped_and_looked_at(page: Page, api: Api, ann: Person) -> None:
    await drop(page, '.zone[data-as="auto"]', "a.png", "image/png", png(300, 200))
    await expect(page.get_by_label("As photos")).to_be_checked()
    await page.click("#dialog .strong")
    image = page.locator(".is-photo img")
    await expect(image).to_be_visible()
    assert await image.evaluate("img => img.decode().then(() => img.naturalWidth)") == 300
    assert "photo" in (await api.updates(2))[0]["message"]
    await image.click()
    await expect(page.locator("#viewer img")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#viewer")).to_be_hidden()


async def test_files_are_attached_several_at_once(page: Page, api: Api, ann: Person) -> None:
    files: Any = [
        {"name": f"{n}.txt", "mimeType": "text/plain", "buffer": b"x" * n} for n in (1, 2)
    ]
    await page.set_input_files("#file", files)
    await expect(page.locator("#dialog")).to_contain_text("Send 2 files")
    await page.click("#dialog .strong")
    await expect(page.locator("a.file")).to_have_count(2)
    messages = [update["message"] for update in await api.updates(2)]
    assert [m["document"]["file_name"] for m in messages] == ["1.txt", "2.txt"]
    assert len({m["media_group_id"] for m in messages}) == 1


async def test_media_that_the_bot_sends(page: Page, api: Api, ann: Person) -> None:
    song = await ann.upload(b"ID3", name="song.mp3", as_="audio")
    await api.call("sendAudio", chat_id=ANN, audio=song["audio"]["file_id"], caption="listen")
    await api.call("sendDice", chat_id=ANN)
    await expect(page.locator(".other .player")).to_contain_text("song.mp3")
    await expect(page.locator(".other .dice")).to_be_visible()
    await api.call(
        "setMessageReaction",
        chat_id=ANN,
        message_id=song["message_id"],
        reaction=[{"type": "emoji", "emoji": "🔥"}],
    )
    await expect(page.locator(".reactions")).to_have_text("🔥")
    await page.click(".reactions button")
    await expect(page.locator(".reactions b")).to_have_text("2")
    await page.click(".reactions button")
    await expect(page.locator(".reactions b")).to_have_count(0)


RECORD = """async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 96, height: 96 });
  const brush = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const ended = new Promise((done) => (recorder.onstop = done));
  recorder.start();
  for (let turn = 0; turn < 20; turn += 1) {
    brush.fillStyle = `hsl(${turn * 18} 80% 50%)`;
    brush.fillRect(0, 0, 96, 96);
    await new Promise((done) => setTimeout(done, 50));
  }
  recorder.stop();
  await ended;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""
"""A second of changing colours, as the browser itself records it."""


async def test_moving_pictures_play(page: Page, api: Api, ann: Person) -> None:
    film = base64.b64decode(await page.evaluate(RECORD))
    for kind in ("video", "video_note", "animation", "sticker"):
        await ann.upload(film, name="colours.webm", mime="video/webm", as_=kind)
    sent = [update["message"] for update in await api.updates(2)]
    assert (sent[-1]["sticker"]["is_video"], sent[-1]["sticker"]["is_animated"]) == (True, False)
    for message in sent:  # as the bot sends them again
        kind = next(k for k in ("animation", "video_note", "video", "sticker") if k in message)
        method = f"send{kind.title().replace('_', '')}"
        await api.call(method, chat_id=ANN, **{kind: message[kind]["file_id"]})
    videos = page.locator(".other video")
    await expect(videos).to_have_count(4)
    for number in range(4):
        playing = await videos.nth(number).evaluate(
            "video => video.play().then(() => new Promise((done) => {"
            " video.ontimeupdate = () => video.currentTime > 0 && done(video.videoWidth); }))"
        )
        assert playing == 96
    await page.click(".other .round .open")  # a tap stops it
    await expect(page.locator(".other .round .playing")).to_have_count(0)


async def test_stickers_are_shown(page: Page, api: Api, ann: Person) -> None:
    picture = io.BytesIO()
    Image.new("RGBA", (64, 32), "teal").save(picture, "WEBP")
    still = await ann.upload(picture.getvalue(), name="s.webp", mime="image/webp", as_="sticker")
    assert (still["sticker"]["width"], still["sticker"]["is_video"]) == (64, False)
    image = page.locator(".own .sticker img")
    await expect(image).to_be_visible()
    wide = "image => image.decode().then(() => image.naturalWidth)"
    assert await image.evaluate(wide) == 64
    drawn = gzip.compress(b'{"tgs":1,"v":"5.5.2","layers":[]}')
    moving = await ann.upload(drawn, name="s.tgs", as_="sticker")
    assert moving["sticker"]["is_animated"]
    await expect(page.locator(".own .sticker .still")).to_be_visible()


async def test_a_quote_jumps_to_the_original(page: Page, api: Api, ann: Person) -> None:
    await fill(api, 30)
    await api.call("sendMessage", chat_id=ANN, text="answer", reply_parameters={"message_id": 1})
    original = page.locator('[data-id="1"]')
    await expect(original).not_to_be_in_viewport()
    quote = page.locator(".bubble .quote")
    await expect(quote).to_contain_text("Ann Miller")
    await quote.click()
    await expect(original).to_be_in_viewport()
    await expect(original).to_have_class(re.compile("flash"))


async def test_replying_and_leaving_it(page: Page, api: Api, ann: Person) -> None:
    await page.locator(".own .bubble").click(button="right")
    await page.click("#popup >> text=Reply")
    await expect(page.locator("#context")).to_contain_text("hello")
    await page.keyboard.press("Escape")
    await expect(page.locator("#context")).to_be_hidden()
    await page.locator(".own .bubble").click(button="right")
    await page.click("#popup >> text=Reply")
    await page.keyboard.type("yes")
    await page.keyboard.press("Enter")
    await expect(page.locator(".bubble .quote")).to_contain_text("hello")
    assert (await api.updates(2))[0]["message"]["reply_to_message"]["message_id"] == 1


async def test_up_edits_the_last_own_message(page: Page, api: Api, ann: Person) -> None:
    await fill(api, 1)
    await expect(page.locator(".other")).to_have_count(1)
    await page.press("#text", "ArrowUp")
    await expect(page.locator("#text")).to_have_value("hello")
    await page.fill("#text", "hello, world")
    await page.press("#text", "Enter")
    await expect(page.locator(".own .text")).to_contain_text("hello, world")
    await expect(page.locator(".own .edited").last).to_contain_text("edited")
    assert (await api.updates(2))[0]["edited_message"]["text"] == "hello, world"


async def test_deleting(page: Page, api: Api, ann: Person) -> None:
    await page.locator(".own .bubble").click(button="right")
    await page.click("#popup >> text=Delete")
    await expect(page.locator(".own")).to_have_count(0)
    await expect(page.locator("#hello")).to_be_visible()


async def test_the_command_menu(page: Page, api: Api, ann: Person) -> None:
    names = ("start", "search", "files")
    await api.call(
        "setMyCommands", commands=[{"command": n, "description": f"about {n}"} for n in names]
    )
    entries = page.locator("#commands .entry")
    await page.locator("#text").press_sequentially("/")
    await expect(entries).to_have_count(3)
    await page.locator("#text").press_sequentially("s")
    await expect(entries).to_have_count(2)
    await page.press("#text", "ArrowDown")
    await expect(entries.nth(1)).to_have_attribute("aria-selected", "true")
    await page.press("#text", "Enter")
    await expect(page.locator("#commands")).to_be_hidden()
    assert (await api.updates(2, timeout=5))[0]["message"]["text"] == "/search"


async def test_the_bots_keyboard(page: Page, api: Api, client: Playground, ann: Person) -> None:
    keyboard = {"keyboard": [["Yes", "No"]], "input_field_placeholder": "Well?"}
    await api.call("sendMessage", chat_id=ANN, text="Choose", reply_markup=keyboard)
    await expect(page.locator("#text")).to_have_attribute("placeholder", "Well?")
    await client.call("POST", "/control/bulk", {"messages": [{"user": "ann", "text": "x"}] * 120})
    await page.reload()
    await page.click("#keyboard >> text=No")
    await expect(page.locator(".own").last).to_contain_text("No")
    assert (await api.updates(-1, timeout=5))[0]["message"]["text"] == "No"
    await api.call(
        "sendMessage", chat_id=ANN, text="Thanks", reply_markup={"remove_keyboard": True}
    )
    await expect(page.locator("#keyboard")).to_be_hidden()


async def test_typing_is_shown_until_the_message(page: Page, api: Api, ann: Person) -> None:
    await api.call("sendChatAction", chat_id=ANN, action="typing")
    await expect(page.locator("#status")).to_contain_text("typing")
    await api.call("sendMessage", chat_id=ANN, text="x")
    await expect(page.locator("#status")).not_to_contain_text("typing")


async def test_people_and_their_chats(
    page: Page, api: Api, client: Playground, ann: Person
) -> None:
    boris = client.user("boris")
    await boris.send("привет")
    await api.call("sendMessage", chat_id=ANN + 1, text="Здравствуйте")
    face = page.locator(".user", has_text="Борис")
    await expect(face.locator(".badge")).to_have_text("1")
    await face.click()
    await expect(page.locator(".chat-row .preview")).to_have_text("Здравствуйте")
    await expect(page.locator(".other .text")).to_contain_text("Здравствуйте")
    await expect(face.locator(".badge")).to_have_count(0)
    await page.click("#add-user")
    await page.fill("#dialog input[name=first_name]", "Dora")
    await page.select_option("#dialog select[name=language]", "de")
    await page.click("#dialog .strong")
    await expect(page.locator(".user.current")).to_contain_text("Dora")
    await page.fill("#text", "Hallo")
    await page.press("#text", "Enter")
    await expect(page.locator(".own")).to_contain_text("Hallo")
    message = (await api.updates(-1, timeout=5))[0]["message"]
    assert (message["from"]["first_name"], message["from"]["language_code"]) == ("Dora", "de")


async def test_blocking_the_bot(page: Page, api: Api, ann: Person) -> None:
    await page.click("#more")
    await page.click("#popup >> text=Block the bot")
    await expect(page.locator("#start")).to_have_text("Unblock the bot")
    await expect(page.locator("#write")).to_be_hidden()
    assert await api.error("sendMessage", chat_id=ANN, text="x") == (
        "Forbidden: bot was blocked by the user"
    )
    await page.click("#start")
    await expect(page.locator("#write")).to_be_visible()


async def test_a_pinned_message(page: Page, api: Api, ann: Person) -> None:
    await api.call("pinChatMessage", chat_id=ANN, message_id=1)
    await expect(page.locator("#pinned")).to_contain_text("hello")


async def test_a_lost_connection_is_told_and_mended(browser: Browser, tmp_path: Path) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    async with playground.serve(data_dir=tmp_path) as running:
        port = int(running.url.rpartition(":")[2])
        await page.goto(running.url)
        await page.wait_for_selector("body[data-ready]")
    await expect(page.locator("#lost")).to_be_visible()
    async with playground.serve(port, data_dir=tmp_path) as running:
        await Playground(running.url).user("ann").send("while you were away")
        await expect(page.locator("#lost")).to_be_hidden()
        await expect(page.locator(".own")).to_contain_text("while you were away")
        await context.close()


async def test_languages(open_page: OpenPage) -> None:
    page = await open_page(locale="ru-RU")
    await expect(page.locator("#you-are")).to_have_text("Вы пишете как")
    await expect(page.locator(".user.current")).to_contain_text("Борис")
    await page.click("#settings")
    await page.select_option("#dialog select[name=language]", "es")
    await page.click("#dialog .strong")
    await expect(page.locator("#you-are")).to_have_text("Escribes como")
    await expect(page.locator("html")).to_have_attribute("lang", "es")


async def test_every_language_has_every_text(page: Page) -> None:
    keys = await page.evaluate(
        "import('/page/i18n.js').then(m => Object.values(m.TEXTS).map(t => Object.keys(t).sort()))"
    )
    assert keys[0] == keys[1] == keys[2]
    plurals = "import('/page/i18n.js').then(m => { m.setLanguage('ru');" + (
        "return [1, 3, 5].map(n => m.t('send_files', {n})); })"
    )
    assert await page.evaluate(plurals) == [
        "Отправить 1 файл",
        "Отправить 3 файла",
        "Отправить 5 файлов",
    ]


async def test_a_phone(open_page: OpenPage, api: Api, client: Playground, ann: Person) -> None:
    text = "a long line without end " * 9 + "x" * 90
    buttons = [[{"text": f"Button {n} with words", "callback_data": str(n)} for n in range(3)]]
    await api.call("sendMessage", chat_id=ANN, text=text, reply_markup={"inline_keyboard": buttons})
    await client.group("A family with a rather long name, all in all", members=["ann"])
    page = await open_page(viewport={"width": 360, "height": 640})
    await expect(page.locator(".other")).to_be_visible()
    width = "[document.documentElement, document.getElementById('scroll')].map(n => n.scrollWidth)"
    assert max(await page.evaluate(width)) == 360
    await expect(page.locator("#people")).not_to_be_in_viewport()
    await page.click("#back")
    await expect(page.locator("#people")).to_be_in_viewport()
    await page.click(".user >> text=Carmen")
    await expect(page.locator(".user.current")).to_contain_text("Carmen")
    await page.click(".user >> text=Ann")
    await page.click(".chat-row >> text=A family")
    await expect(page.locator("#people")).not_to_be_in_viewport()
    await expect(page.locator("#chat-name")).to_contain_text("A family")
    await page.click("#panel-toggle")
    sheet = await page.locator("#panel").bounding_box()
    assert sheet
    assert sheet["width"] == 360
    assert sheet["y"] > 100
    assert max(await page.evaluate(width)) == 360


async def test_dark_and_light(open_page: OpenPage) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = await open_page(color_scheme="light")
    dark = await open_page(color_scheme="dark")
    assert await light.evaluate(colour) == "rgb(255, 255, 255)"
    assert await dark.evaluate(colour) == "rgb(22, 28, 39)"
    await dark.click("#settings")
    await dark.select_option("#dialog select[name=theme]", "light")
    await dark.click("#dialog .strong")
    await expect(dark.locator("html")).to_have_attribute("data-theme", "light")
    assert await dark.evaluate(colour) == "rgb(255, 255, 255)"


async def test_photos_are_dropped_as_an_album(page: Page, api: Api, ann: Person) -> None:
    files = [(f"{n}.png", "image/png", png(40 + n, 30)) for n in range(3)]
    await drop_all(page, '.zone[data-as="auto"]', [*files, ("notes.txt", "text/plain", b"abc")])
    await expect(page.locator("#dialog")).to_contain_text("Send 4 files")
    await page.fill("#dialog [name=caption]", "the weekend")
    await page.press("#dialog [name=caption]", "Enter")
    album = page.locator(".own.is-album")
    await expect(album.locator(".mosaic img")).to_have_count(3)
    await expect(album).to_contain_text("the weekend")
    await expect(page.locator(".own.is-document")).to_contain_text("notes.txt")
    messages = [update["message"] for update in await api.updates(2)]
    assert [kind_of(message) for message in messages] == ["photo", "photo", "photo", "document"]
    assert [message.get("caption") for message in messages] == ["the weekend", None, None, None]
    await album.locator("button.open").first.click()
    await page.keyboard.press("ArrowRight")
    assert await page.evaluate("document.querySelector('#viewer img').decode().then(() => 1)") == 1
    assert await page.evaluate("document.querySelector('#viewer img').naturalWidth") == 41
    await page.keyboard.press("Escape")
    await album.locator("button.open").nth(1).click(button="right")
    await page.click("#popup >> text=Delete")
    await expect(album.locator("img")).to_have_count(2)


def kind_of(message: dict[str, Any]) -> str:
    return next(kind for kind in ("photo", "document", "voice", "location") if kind in message)


async def test_formatting_is_typed(page: Page, api: Api, ann: Person) -> None:
    typed = "**bold** and `a_b` or snake_case__x [here](https://example.com/)"
    await page.fill("#text", typed)
    await page.press("#text", "Enter")
    await expect(page.locator(".own strong")).to_have_text("bold")
    message = (await api.updates(2))[0]["message"]
    assert message["text"] == "bold and a_b or snake_case__x here"
    assert [(e["type"], e["length"]) for e in message["entities"]] == [
        ("bold", 4),
        ("code", 3),
        ("text_link", 4),
    ]
    await page.press("#text", "ArrowUp")
    await expect(page.locator("#text")).to_have_value(typed)
    await page.press("#text", "Escape")
    await page.fill("#text", "word")
    await page.press("#text", "Control+a")
    for key in ("b", "i", "u"):
        await page.press("#text", f"Control+{key}")
    await expect(page.locator("#text")).to_have_value("**__++word++__**")


async def test_a_group_from_its_beginning(page: Page, api: Api, client: Playground) -> None:
    await page.click("#new-chat")
    await page.click("#popup >> text=New supergroup")
    await page.fill("#dialog input[name=title]", "Family")
    await page.click("#dialog >> text=The bot is an administrator")
    await page.click("#dialog .strong")
    await expect(page.locator("#chat-name")).to_have_text("Family")
    await expect(page.locator("#status")).to_contain_text("4 members")
    await expect(page.locator(".service").first).to_have_text("Ann Miller created the group")
    group = await client.chat("Family")
    await group.send("boris", "Who comes?")
    other = page.locator(".other", has_text="Who comes?")
    await expect(other.locator(".sender")).to_have_text("Борис Орлов")
    await page.fill("#text", "me")
    await page.press("#text", "Enter")
    await expect(page.locator(".own")).to_contain_text("me")
    assert (await api.updates(-1))[0]["message"]["chat"]["title"] == "Family"
    await page.click("#chat-about")
    await page.click(".member >> text=Carmen")
    await page.click("#popup >> text=Remove")
    await expect(page.locator(".service").last).to_contain_text("removed Carmen Ruiz")
    await expect(page.locator("#status")).to_contain_text("3 members")
    await page.click(".user >> text=Carmen")
    await expect(page.locator("#chat-name")).to_have_text("Playground Bot")
    await page.click(".chat-row >> text=Family")
    await page.click("#start")  # Join
    await expect(page.locator(".service").last).to_contain_text("Carmen Ruiz joined")
    await expect(page.locator("#write")).to_be_visible()


async def test_topics_and_channels(page: Page, client: Playground) -> None:
    forum = await client.group("Authors", members=["ann"], kind="supergroup", forum=True)
    thread = await forum.topic("Releases")
    await forum.send("ann", "in general")
    channel = await client.channel("News", members=["boris"])
    await channel.send("boris", "Version 2")
    await page.click(".chat-row >> text=Authors")
    await page.click(".topic >> text=Releases")
    await expect(page.locator(".own")).to_have_count(0)  # the topic is shown now
    await page.fill("#text", "2.0")
    await page.press("#text", "Enter")
    await expect(page.locator(".own")).to_have_count(1)
    assert (await forum.person("ann").messages())[-1]["message_thread_id"] == thread
    await page.click(".topic >> text=All")
    await expect(page.locator(".own")).to_have_count(2)
    await page.click(".chat-row >> text=News")
    await expect(page.locator(".sender")).to_have_text("News")
    await expect(page.locator(".meta").last).to_contain_text("Борис Орлов")
    await page.click("#start")
    await expect(page.locator("#start")).to_have_text("Only administrators post here")


async def asked(api: Api, words: str, offset: str = "") -> dict[str, Any]:
    """The inline query that the page sends once one has stopped typing."""
    async with asyncio.timeout(10):
        while True:
            for update in await api.updates(-1, timeout=1):
                query: dict[str, Any] = update.get("inline_query", {})
                if (query.get("query"), query.get("offset")) == (words, offset):
                    return query
            await asyncio.sleep(0.05)


async def test_inline_mode(page: Page, api: Api, ann: Person) -> None:
    photo = await ann.upload(png(30, 20), name="a.png", as_="photo")
    await page.fill("#text", "@playground_bot cats")
    query = await asked(api, "cats")
    content = {"message_text": "A tabby"}
    article = {"type": "article", "title": "Tabby", "input_message_content": content}
    await api.call(
        "answerInlineQuery",
        inline_query_id=query["id"],
        results=[{**article, "id": str(n), "title": f"Cat {n}"} for n in range(3)],
        next_offset="3",
        button={"text": "More in private", "start_parameter": "more"},
    )
    lines = page.locator("#results [role=option]")
    await expect(lines).to_have_count(3)
    await page.press("#text", "ArrowDown")  # near the end: the next ones are asked for
    query = await asked(api, "cats", "3")
    last = [{**article, "id": "x", "title": "The last cat"}]
    await api.call("answerInlineQuery", inline_query_id=query["id"], results=last)
    await expect(lines).to_have_count(4)
    await page.press("#text", "ArrowDown")
    await page.press("#text", "ArrowDown")
    await expect(lines.nth(3)).to_have_attribute("aria-selected", "true")
    await page.press("#text", "Enter")
    await expect(page.locator(".own").last).to_contain_text("A tabby")
    await expect(page.locator(".own .via")).to_have_text("via @playground_bot")
    await expect(page.locator("#text")).to_have_value("")
    await page.fill("#text", "@playground_bot photos")
    query = await asked(api, "photos")
    cached = {"type": "photo", "id": "p", "photo_file_id": photo["photo"][-1]["file_id"]}
    await api.call("answerInlineQuery", inline_query_id=query["id"], results=[cached])
    await page.click("#results .tile")
    await expect(page.locator(".own.is-photo")).to_have_count(2)


async def test_a_poll_is_made_and_voted_for(page: Page, api: Api, ann: Person) -> None:
    await page.click("#attach")
    await page.click("#popup >> text=Poll")
    await page.fill("#dialog input[name=question]", "Where?")
    for index, text in enumerate(("Here", "There")):
        await page.locator("#dialog .options input").nth(index).fill(text)
    await page.click("#dialog .strong")
    poll = page.locator(".poll")
    await expect(poll).to_contain_text("Anonymous poll")
    await poll.locator(".option", has_text="There").click()
    await expect(poll.locator(".result").nth(1)).to_contain_text("100%")
    await expect(poll).to_contain_text("1 vote")
    several = {"question": "Which?", "allows_multiple_answers": True, "is_anonymous": False}
    options = [{"text": text} for text in "abc"]
    await api.call("sendPoll", chat_id=ANN, **several, options=options)
    poll = page.locator(".poll", has_text="Which?")
    for index in (0, 2):
        await poll.locator(".option").nth(index).click()
    await poll.locator(".vote").click()
    await expect(poll.locator(".result svg")).to_have_count(2)
    answer = (await api.updates(-1, timeout=5))[0]["poll_answer"]
    assert answer["option_ids"] == [0, 2]
    await poll.click(button="right")
    await page.click("#popup >> text=Take the vote back")
    await expect(poll.locator(".option")).to_have_count(3)


async def test_what_a_keyboard_asks_for(page: Page, api: Api, ann: Person) -> None:
    rows = [
        [{"text": "Number", "request_contact": True}, {"text": "Place", "request_location": True}],
        [{"text": "Friends", "request_users": {"request_id": 1, "max_quantity": 3}}],
    ]
    markup = {"keyboard": rows, "one_time_keyboard": True}
    await api.call("sendMessage", chat_id=ANN, text="Who?", reply_markup=markup)
    await page.click("#keyboard >> text=Friends")
    await page.click("#dialog >> text=Carmen Ruiz")
    await page.click("#dialog .strong")
    await expect(page.locator(".service")).to_contain_text("shared 2 people with the bot")
    shared = (await api.updates(-1))[0]["message"]["users_shared"]
    assert shared["user_ids"] == [ANN, ANN + 2]
    await expect(page.locator("#keyboard")).to_be_hidden()
    await page.click("#keyboard-toggle")
    await page.click("#keyboard >> text=Number")
    await page.click("#dialog .strong")
    await expect(page.locator(".own .contact")).to_contain_text("Ann Miller")
    await page.click("#keyboard-toggle")
    await page.click("#keyboard >> text=Place")
    await page.fill("#dialog input[name=latitude]", "48,5")
    await page.click("#dialog .strong")
    await expect(page.locator(".own .map")).to_contain_text("48.5")
    reply = {"force_reply": True, "input_field_placeholder": "Your name"}
    await api.call("sendMessage", chat_id=ANN, text="And you are?", reply_markup=reply)
    await expect(page.locator("#context")).to_contain_text("And you are?")
    await expect(page.locator("#text")).to_have_attribute("placeholder", "Your name")


async def test_a_voice_message_is_recorded(page: Page, api: Api, ann: Person) -> None:
    await page.click("#voice")
    await expect(page.locator("#record-time")).to_have_text("0:01")
    await page.click("#record-send")
    await expect(page.locator(".own .player")).to_contain_text("Voice message")
    voice = (await api.updates(2))[0]["message"]["voice"]
    assert (voice["mime_type"], voice["duration"] in {1, 2}) == ("audio/ogg", True)
    play = "document.querySelector('.player audio').play().then(() => true)"
    assert await page.evaluate(play)  # the browser reads the file that was made
    await page.evaluate("document.querySelector('.player audio').pause()")


async def test_without_a_microphone_it_is_said(page: Page, ann: Person) -> None:
    missing = "async () => { throw new DOMException('', 'NotFoundError'); }"
    await page.evaluate(f"void (navigator.mediaDevices.getUserMedia = {missing})")
    await page.click("#voice")
    await expect(page.locator(".toast")).to_have_text("No microphone was found")
    await expect(page.locator("#write")).to_be_visible()


async def test_where_a_message_comes_from(page: Page, api: Api, ann: Person) -> None:
    sent = await api.call("sendMessage", chat_id=ANN, text="first")
    about = {"chat_id": ANN, "message_id": sent["message_id"]}
    await api.call("editMessageText", **about, text="second")
    await api.error("editMessageText", **about, text="second")
    await page.locator(".other .bubble").click(button="right")
    await page.click("#popup >> text=Where it comes from")
    panel = page.locator("#panel")
    await expect(panel.locator(".timeline p")).to_have_text(["first", "second"])
    calls = panel.locator("details.call summary b")
    names = ["sendMessage", "editMessageText", "editMessageText", "Message"]
    await expect(calls).to_have_text(names)
    await expect(panel.locator(".failed")).to_have_count(1)
    await expect(panel.locator(".json").first).to_contain_text('"text": "first"')
    await panel.locator(".json .copy").first.click()
    await expect(page.locator(".toast")).to_have_text("Copied")
    await page.locator(".own .bubble").click(button="right")
    await page.click("#popup >> text=Where it comes from")
    await expect(panel.locator("details.call").first).to_contain_text('"text": "hello"')
    await expect(panel.locator(".state").first).to_have_text("waiting")


async def test_calls_faults_and_limits(page: Page, api: Api, ann: Person) -> None:
    await page.click("#panel-toggle")
    await page.click("#tab-rules")
    await page.click(".chip >> text=Flood")
    await expect(page.locator(".faults li")).to_contain_text("20×")
    assert "Too Many Requests" in await api.error("sendMessage", chat_id=ANN, text="x")
    await page.click("text=Remove all faults")
    await expect(page.locator(".faults")).to_have_count(0)
    await page.click("text=Telegram’s limits")
    await expect(page.locator("#panel")).to_contain_text("0 calls refused")
    await api.call("sendMessage", chat_id=ANN, text="1")
    await api.error("sendMessage", chat_id=ANN, text="2")
    await page.press("#tab-rules", "ArrowLeft")
    rows = page.locator("#call-list details")
    await expect(rows).to_have_count(3)
    await expect(page.locator("#call-count")).to_have_text("3 calls · 2 errors")
    await page.click("text=Errors only")
    await expect(rows).to_have_count(2)
    await rows.first.click()
    await expect(rows.first.locator(".error")).to_contain_text("Too Many Requests")
    await page.fill("#panel input[type=search]", "nothing like this")
    await expect(page.locator("#call-list")).to_have_text("No call fits.")


async def test_the_conversation_is_saved(page: Page, api: Api, ann: Person) -> None:
    await api.call("sendMessage", chat_id=ANN, text="Hello, Ann!")
    await page.click("#more")
    async with page.expect_download() as download:
        await page.click("#popup >> text=Save as a transcript")
    saved = await download.value
    assert saved.suggested_filename == "transcript.yaml"
    text = await asyncio.to_thread(Path(await saved.path()).read_text, "utf-8")
    assert "hello" in text
    assert "Hello, Ann!" in text


async def test_with_the_keyboard_alone(page: Page, api: Api, client: Playground) -> None:
    ann = client.user("ann")
    await ann.send("one")
    await client.group("Family", members=["ann"])
    row = [{"text": "Copy", "copy_text": {"text": "x"}}]
    await api.call("sendMessage", chat_id=ANN, text="two", reply_markup={"inline_keyboard": [row]})
    await expect(page.locator(".chat-row")).to_have_count(2)
    await page.focus("#text")
    await page.keyboard.press("Control+ArrowUp")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    menu = page.locator("#popup")
    await expect(menu.locator("button").first).to_be_focused()
    await page.keyboard.press("Enter")  # the first reaction
    await expect(page.locator(".own .reactions")).to_contain_text("👍")
    await page.focus("#text")
    await page.keyboard.press("Control+ArrowUp")
    await page.keyboard.press("r")
    await expect(page.locator("#context")).to_contain_text("two")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Alt+ArrowDown")
    await expect(page.locator("#chat-name")).to_have_text("Family")
    await expect(page.locator("#text")).to_be_focused()
    unnamed = """[...document.querySelectorAll("button, input, textarea, select")]
        .filter((n) => n.offsetParent && !(n.textContent.trim() || n.ariaLabel || n.title
            || n.labels?.length)).map((n) => n.outerHTML)"""
    assert await page.evaluate(unnamed) == []


async def test_a_long_text_folds_and_rtl_stays_right(page: Page, api: Api, ann: Person) -> None:
    await api.call("sendMessage", chat_id=ANN, text="line\n" * 60)
    bubble = page.locator(".other .bubble").first
    folded = await bubble.bounding_box()
    await bubble.get_by_text("Show more").click()
    opened = await bubble.bounding_box()
    assert folded
    assert opened
    assert opened["height"] > folded["height"] * 2
    await api.call("sendMessage", chat_id=ANN, text="שלום, מה שלומך היום?")
    rtl = page.locator(".other .bubble.rtl")
    box = await rtl.bounding_box()
    time = await rtl.locator(".meta").last.bounding_box()
    assert box
    assert time
    assert time["x"] - box["x"] < box["width"] / 2


async def test_a_thousand_messages_are_quick(page: Page, client: Playground, ann: Person) -> None:
    """In the browser: from the first to the last of 1,000 that come while one reads along."""
    texts = [{"user": "ann", "text": f"message {n}"} for n in range(1000)]
    await client.call("POST", "/control/bulk", {"messages": texts})
    await expect(page.locator(".own").last).to_contain_text("message 999")
    assert await page.locator(".own").count() <= 500
    await expect(page.locator(".own").last).to_be_in_viewport()


async def test_several_bots(page: Page, client: Playground, api: Api, ann: Person) -> None:
    await page.click("#new-chat")
    await page.click("#popup >> text=New bot")
    await page.fill("#dialog input[name=name]", "Weather")
    await page.fill("#dialog input[name=username]", "weather_bot")
    await page.click("#dialog .strong")
    await page.wait_for_selector('body[data-ready="weather_bot"]')
    await expect(page.locator("#chat-name")).to_have_text("Weather")
    await expect(page.locator(".own")).to_have_count(0)
    await page.click("#bot-switch")
    await page.click("#popup >> text=@playground_bot")
    await page.wait_for_selector('body[data-ready="playground_bot"]')
    await expect(page.locator(".own")).to_contain_text("hello")
