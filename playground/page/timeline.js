// The messages that are shown: in their order, by days, at the end or where one reads.

import { bubble, preview, refresh } from "./bubbles.js";
import { toast } from "./dialogs.js";
import { $, day, el, icon, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { act, app, markRead, place as here } from "./state.js";

const PAGE = 100; // messages that are loaded at once
const NEAR = 120; // pixels from the end that count as "at the end"
const MOST = 500; // bubbles that are kept while one reads along at the end

export class Timeline {
  atEnd = true;
  unseen = 0;
  pinned = [];
  #shown = new Map(); // message id → { messages, item }; the messages of an album share theirs
  #loading = false;
  #complete = false; // whether the first message of the chat is shown
  #chat; // the actions of bubbles
  #onEmpty;

  constructor(chat, onEmpty) {
    this.#chat = chat;
    this.#onEmpty = onEmpty;
    const box = $("scroll");
    box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    $("down").addEventListener("click", () => {
      this.toEnd();
      this.read();
    });
    $("messages").addEventListener("keydown", (event) => this.#key(event));
    for (const node of [$("messages"), box]) new ResizeObserver(() => this.atEnd && this.toEnd()).observe(node);
    addEventListener("focus", () => this.atEnd && this.read());
  }

  get size() {
    return this.#shown.size;
  }

  get newest() {
    let last = 0;
    for (const id of this.#shown.keys()) last = id;
    return last;
  }

  message(id) {
    return this.#shown.get(id)?.messages.find((message) => message.message_id === id);
  }

  has = (id) => this.#shown.has(id);

  /** The latest message that fits. */
  last(fits) {
    return [...this.#shown.keys()].reverse().map((id) => this.message(id)).find(fits);
  }

  // Loading

  /** Show nothing: what is on the page must be of the chat in which one acts. */
  clear() {
    this.#shown.clear();
    $("messages").replaceChildren();
    $("hello").hidden = true;
    $("pinned").hidden = true;
  }

  /** Load the open chat; gives what the control API answered, or null when it was left meanwhile. */
  async load() {
    const at = here();
    const found = await act("GET", "messages", undefined, this.#query({ limit: PAGE }), at);
    if (JSON.stringify(at) !== JSON.stringify(here())) return null;
    this.clear();
    this.#complete = found.messages.length < PAGE;
    for (const message of found.messages) this.place(message);
    this.setPinned(found.pinned);
    this.#onEmpty();
    this.toEnd();
    this.read();
    return found;
  }

  #query(query) {
    return app.thread === null ? query : { ...query, thread: app.thread };
  }

  async #earlier() {
    if (this.#loading || this.#complete || !this.size) return;
    this.#loading = true;
    const first = Math.min(...this.#shown.keys());
    const found = await act("GET", "messages", undefined, this.#query({ limit: PAGE, before: first }));
    this.#complete = found.messages.length < PAGE;
    const box = $("scroll");
    const [height, top] = [box.scrollHeight, box.scrollTop];
    for (const message of found.messages.reverse()) this.place(message);
    box.scrollTop = top + box.scrollHeight - height;
    this.#loading = false;
  }

  // Placing

  /** Put a message where it belongs by its id, or show its change. */
  place(message) {
    const id = message.message_id;
    const known = this.#shown.get(id) ?? this.#album(message);
    if (known) {
      const others = known.messages.filter((other) => other.message_id !== id);
      known.messages = [...others, message].sort((a, b) => a.message_id - b.message_id);
      this.#put(id, known);
      return this.redraw(known);
    }
    const entry = { messages: [message], item: bubble([message], this.#chat) };
    const next = this.newest > id ? [...this.#shown.keys()].find((other) => other > id) : undefined;
    if (next) {
      const item = this.#shown.get(next).item;
      const line = item.previousElementSibling;
      (line?.matches(".day") ? line : item).before(entry.item);
    } else {
      $("messages").append(entry.item);
    }
    this.#put(id, entry);
    if (!next && this.atEnd && this.size > MOST) this.#forgetOldest();
    regroup(entry.item);
    return entry.item;
  }

  #album(message) {
    if (!message.media_group_id) return null;
    for (const entry of [...this.#shown.values()].reverse()) {
      if (entry.messages[0].media_group_id === message.media_group_id) return entry;
    }
    return null;
  }

  redraw(entry) {
    refresh(entry.item, entry.messages, this.#chat);
    return entry.item;
  }

  redrawId(id) {
    const entry = this.#shown.get(id);
    if (entry) this.redraw(entry);
  }

  /** Keep the map in the order of the ids. */
  #put(id, entry) {
    const late = !this.#shown.has(id) && id < this.newest;
    this.#shown.set(id, entry);
    if (late) this.#shown = new Map([...this.#shown].sort(([a], [b]) => a - b));
  }

  #forgetOldest() {
    for (const id of [...this.#shown.keys()].slice(0, MOST / 2)) this.remove(id);
    this.#complete = false;
  }

  remove(id) {
    const entry = this.#shown.get(id);
    if (!entry) return;
    this.#shown.delete(id);
    entry.messages = entry.messages.filter((message) => message.message_id !== id);
    if (entry.messages.length) {
      this.redraw(entry);
      entry.item.dataset.id = entry.messages[0].message_id;
      return;
    }
    const neighbours = [neighbour(entry.item, "previousElementSibling"), neighbour(entry.item, "nextElementSibling")];
    const line = entry.item.previousElementSibling;
    entry.item.remove();
    if (line?.matches(".day") && !line.nextElementSibling?.matches("li.message")) line.remove();
    for (const node of neighbours) if (node) group(node);
    this.#onEmpty();
  }

  // Where one reads

  toEnd() {
    const box = $("scroll");
    box.scrollTop = box.scrollHeight;
    this.atEnd = true;
  }

  read() {
    markRead(this.newest);
    this.unseen = 0;
    this.showDown();
  }

  showDown() {
    $("down").hidden = this.atEnd;
    const badge = $("down").querySelector(".badge");
    badge.hidden = !this.unseen;
    badge.textContent = String(this.unseen);
  }

  #scrolled() {
    const box = $("scroll");
    this.atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    if (this.atEnd && document.hasFocus()) this.read();
    this.showDown();
    if (box.scrollTop < 300) this.#earlier();
  }

  /** Show a message and let it flash, loading what is between. */
  async jump(id) {
    while (!this.#shown.has(id) && !this.#complete && id < this.newest) await this.#earlier();
    const entry = this.#shown.get(id);
    if (!entry) return toast(t("deleted"));
    entry.item.scrollIntoView({ block: "center", behavior: "smooth" });
    entry.item.classList.remove("flash");
    void entry.item.offsetWidth; // so that the animation starts anew
    entry.item.classList.add("flash");
  }

  // With the keyboard one goes from message to message

  focusLast() {
    [...$("messages").querySelectorAll("li.message")].at(-1)?.focus();
  }

  #key(event) {
    const item = event.target.closest("li.message");
    if (event.target !== item) return;
    const step = { ArrowUp: "previousElementSibling", ArrowDown: "nextElementSibling" }[event.key];
    if (step) neighbour(item, step)?.focus();
    else if (event.key === "Enter" || event.key === "ContextMenu") this.#menu(item);
    else if (event.key === "r") this.#chat.reply(this.message(Number(item.dataset.id)));
    else if (event.key === "Escape") $("text").focus();
    else return;
    event.preventDefault();
  }

  #menu(item) {
    const { left, top } = (item.querySelector(".bubble") ?? item).getBoundingClientRect();
    item.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true, clientX: left + 30, clientY: top + 20 }));
  }

  // Pinned messages

  async setPinned(ids) {
    this.pinned = ids;
    const bar = $("pinned");
    bar.hidden = !ids.length;
    if (!ids.length) return;
    let index = ids.length - 1;
    const show = async () => {
      const id = ids[index];
      const message = this.message(id) ?? (await act("GET", "messages", undefined, { after: id - 1, before: id + 1 })).messages[0];
      if (this.pinned !== ids) return;
      const title = ids.length > 1 ? `${t("pinned")} ${index + 1}/${ids.length}` : t("pinned");
      bar.replaceChildren(
        el("button.go", { type: "button", onclick: () => {
          this.jump(id);
          index = (index + ids.length - 1) % ids.length;
          show();
        } }, icon("pin"), el("span.quote", {}, el("b", {}, title), el("span", { dir: "auto" }, message ? preview(message) : "…"))),
        iconButton("close", t("unpin"), () => this.#chat.pin(id, false)));
    };
    await show();
  }
}

// Day lines, and which bubbles of one sender belong together

function regroup(item) {
  const around = [item, neighbour(item, "nextElementSibling"), neighbour(item, "previousElementSibling")];
  for (const node of around) if (node) group(node);
}

function group(item) {
  const before = neighbour(item, "previousElementSibling");
  const after = neighbour(item, "nextElementSibling");
  const newDay = !before || day(before.dataset.date) !== day(item.dataset.date);
  const line = item.previousElementSibling;
  if (newDay && !line?.matches(".day")) item.before(el("li.day", {}, el("span", {}, day(item.dataset.date))));
  if (!newDay && line?.matches(".day")) line.remove();
  item.classList.toggle("first", newDay || !together(before, item));
  item.classList.toggle("last", !after || !together(item, after));
}

const together = (a, b) => a.dataset.sender === b.dataset.sender && b.dataset.date - a.dataset.date < 600
  && day(a.dataset.date) === day(b.dataset.date);

function neighbour(item, direction) {
  let node = item[direction];
  while (node && !node.matches("li.message[data-id]")) node = node[direction];
  return node;
}

