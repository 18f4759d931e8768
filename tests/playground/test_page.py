"""The chat page in a real browser."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

import playground
from playground import Playground, Running
from playground.client import Person
from tests.playground.conftest import ANN, Api
from tests.playground.pictures import png

ARGUMENTS = [
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
        wanted = {"viewport": {"width": 1000, "height": 700}, "locale": "en-GB", **options}
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
    await api.updates()
    await expect(hello).to_contain_text("I read documents.")
    await expect(hello).to_contain_text("Drop a PDF here")
    await expect(hello).to_contain_text("/search")
    await page.click("#start")
    await expect(hello).to_be_hidden()
    await expect(page.locator("#start")).to_be_hidden()
    assert (await api.updates())[0]["message"]["text"] == "/start"


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
    script = """([target, name, mime, data]) => {
        const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], name, {type: mime}));
        const send = (node, kind) => node.dispatchEvent(
            new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
        send(document.body, "dragenter");
        const node = document.querySelector(target);
        send(node, "dragover");
        window.overlay = !document.getElementById("drop").hidden;
        send(node, "drop");
    }"""
    await page.evaluate(script, [target, name, mime, base64.b64encode(content).decode()])
    assert await page.evaluate("window.overlay")


async def test_a_document_is_dropped(page: Page, api: Api, ann: Person) -> None:
    pdf = b"%PDF-1.4 " + bytes(2000)
    await drop(page, '.zone[data-as="document"]', "Lease <b>.pdf", "application/pdf", pdf)
    await expect(page.locator("#drop")).to_be_hidden()
    await expect(page.locator("#dialog")).to_contain_text("Send 1 file")
    await page.fill("#dialog input[name=caption]", "read this")
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
    await expect(page.locator("#dialog input[name=as_files]")).not_to_be_checked()
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
    names = [u["message"]["document"]["file_name"] for u in await api.updates(2)]
    assert names == ["1.txt", "2.txt"]


async def test_media_that_the_bot_sends(page: Page, api: Api, ann: Person) -> None:
    song = await ann.upload(b"ID3", name="song.mp3", as_="audio")
    await api.call("sendAudio", chat_id=ANN, audio=song["audio"]["file_id"], caption="listen")
    await api.call("sendDice", chat_id=ANN)
    await expect(page.locator(".other audio")).to_be_visible()
    await expect(page.locator(".other .dice")).to_be_visible()
    await api.call(
        "setMessageReaction",
        chat_id=ANN,
        message_id=song["message_id"],
        reaction=[{"type": "emoji", "emoji": "🔥"}],
    )
    await expect(page.locator(".reactions")).to_have_text("🔥")


async def test_a_quote_jumps_to_the_original(page: Page, api: Api, ann: Person) -> None:
    await fill(api, 30)
    await api.call("sendMessage", chat_id=ANN, text="answer", reply_parameters={"message_id": 1})
    original = page.locator('[data-id="1"]')
    await expect(original).not_to_be_in_viewport()
    quote = page.locator(".bubble .quote")
    await expect(quote).to_contain_text("Ann Miller")
    await quote.click()
    await expect(original).to_be_in_viewport()
    assert "flash" in (await original.get_attribute("class") or "")


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


async def test_the_bots_keyboard(page: Page, api: Api, ann: Person) -> None:
    keyboard = {"keyboard": [["Yes", "No"]], "input_field_placeholder": "Well?"}
    await api.call("sendMessage", chat_id=ANN, text="Choose", reply_markup=keyboard)
    await expect(page.locator("#text")).to_have_attribute("placeholder", "Well?")
    await page.click("#keyboard >> text=No")
    assert (await api.updates(2, timeout=5))[0]["message"]["text"] == "No"
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
    row = page.locator(".user", has_text="Борис")
    await expect(row.locator(".badge")).to_have_text("1")
    await expect(row.locator(".preview")).to_have_text("Здравствуйте")
    await row.click()
    await expect(page.locator(".other .text")).to_contain_text("Здравствуйте")
    await expect(row.locator(".badge")).to_have_count(0)
    await page.click("#add-user")
    await page.fill("#dialog input[name=first_name]", "Dora")
    await page.select_option("#dialog select[name=language]", "de")
    await page.click("#dialog .strong")
    await expect(page.locator(".user.current")).to_contain_text("Dora")
    await page.fill("#text", "Hallo")
    await page.press("#text", "Enter")
    message = (await api.updates(-1, timeout=5))[0]["message"]
    assert (message["from"]["first_name"], message["from"]["language_code"]) == ("Dora", "de")


async def test_blocking_the_bot(page: Page, api: Api, ann: Person) -> None:
    await page.click("#more")
    await page.click("#popup >> text=Block the bot")
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
    await expect(page.locator("#add-user")).to_have_text("Добавить человека")
    await expect(page.locator(".user.current")).to_contain_text("Борис")
    await page.click("#settings")
    await page.select_option("#dialog select[name=language]", "es")
    await page.click("#dialog .strong")
    await expect(page.locator("#add-user")).to_have_text("Añadir una persona")
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


async def test_a_phone(open_page: OpenPage, api: Api, ann: Person) -> None:
    text = "a long line without end " * 9 + "x" * 90
    buttons = [[{"text": f"Button {n} with words", "callback_data": str(n)} for n in range(3)]]
    await api.call("sendMessage", chat_id=ANN, text=text, reply_markup={"inline_keyboard": buttons})
    page = await open_page(viewport={"width": 360, "height": 640})
    await expect(page.locator(".other")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert await page.evaluate("document.getElementById('scroll').scrollWidth") <= 360
    await expect(page.locator("#people")).not_to_be_in_viewport()
    await page.click("#back")
    await expect(page.locator("#people")).to_be_in_viewport()
    await page.click(".user >> text=Carmen")
    await expect(page.locator("#people")).not_to_be_in_viewport()


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
