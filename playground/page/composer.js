// Where one writes: text, commands, replies, edits, files, the bot's keyboard.

import { call, get, upload } from "./api.js";
import { fileIcon, preview } from "./bubbles.js";
import { ask, toast } from "./dialogs.js";
import { $, el, fullName, icon, size } from "./dom.js";
import { t } from "./i18n.js";

const TEXT_LIMIT = 4096;
const CAPTION_LIMIT = 1024;
const BOT_LIMIT = 20 << 20;

export class Composer {
  commands = [];
  #view;
  #context = null; // { reply } or { edit }: the message it is about
  #chosen = 0;
  #queue = Promise.resolve();
  #keyboard = null;
  #empty = false;

  constructor(view) {
    this.#view = view;
    const text = $("text");
    text.addEventListener("input", () => this.#typed());
    text.addEventListener("keydown", (event) => this.#key(event));
    text.addEventListener("paste", (event) => this.#paste(event));
    $("write").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    $("slash").addEventListener("click", () => this.#slash());
    $("attach").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", () => {
      this.#offer([...$("file").files], "auto");
      $("file").value = "";
    });
    $("start").addEventListener("click", () => this.#startOrUnblock());
    $("context").querySelector("button").addEventListener("click", () => this.#leaveContext());
    $("keyboard-toggle").addEventListener("click", () => {
      $("keyboard").hidden = !$("keyboard").hidden;
      this.focus();
    });
    this.#watchDrops();
  }

  get #me() {
    return this.#view.person();
  }

  focus() {
    if (matchMedia("(hover: hover)").matches) $("text").focus();
  }

  translate() {
    $("text").placeholder = this.#keyboard?.input_field_placeholder || t("write");
  }

  reset() {
    this.#leaveContext();
    $("text").value = "";
    this.setKeyboard(null);
    this.#typed();
  }

  // Writing

  /** Send a text as it is. */
  say(text) {
    this.#send(text, {});
    this.focus();
  }

  #submit() {
    const text = $("text").value;
    if (!text.trim()) return;
    const context = this.#context;
    $("text").value = "";
    this.#leaveContext();
    this.#typed();
    if (context?.edit) this.#change(context.edit, text);
    else this.#send(text, context ? { reply_to: context.reply.message_id } : {});
  }

  /** Messages leave in the order in which they were written. */
  #send(text, fields) {
    for (const part of parts(text.trim())) {
      const body = { text: part, ...fields };
      this.#queue = this.#queue.then(() => call("POST", `users/${this.#me.id}/messages`, body)).catch((error) => {
        toast(t("failed", { reason: error.message }), "bad");
        $("text").value ||= part;
        this.#typed();
      });
    }
  }

  async #change(message, text) {
    const old = message.text ?? message.caption ?? "";
    if (old === text.trim()) return;
    const body = { text, caption: text };
    await call("PATCH", `users/${this.#me.id}/messages/${message.message_id}`, body);
  }

  #typed() {
    const text = $("text");
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, 220)}px`;
    $("send").disabled = !text.value.trim();
    this.#chosen = 0;
    this.#suggest();
  }

  #key(event) {
    if (event.isComposing) return;
    if (this.#menuKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape") {
      this.#leaveContext();
    } else if (event.key === "ArrowUp" && !$("text").value) {
      const last = this.#view.lastOwn();
      if (last) {
        event.preventDefault();
        this.edit(last);
      }
    }
  }

  // Answering and changing

  reply(message) {
    this.#enter({ reply: message }, "reply", message.from.is_bot ? message.from.first_name : fullName(message.from), message);
  }

  edit(message) {
    this.#enter({ edit: message }, "edit", t("edit_own"), message);
    $("text").value = message.text ?? message.caption ?? "";
    this.#typed();
    $("text").setSelectionRange($("text").value.length, $("text").value.length);
  }

  #enter(context, sign, title, message) {
    if (this.#context?.edit) $("text").value = "";
    this.#context = context;
    const box = $("context");
    box.querySelector("svg").replaceWith(icon(sign));
    box.querySelector("b").textContent = title;
    box.querySelector(".quote span").textContent = preview(message);
    box.hidden = false;
    $("text").focus();
    this.#view.scrollToEnd();
  }

  #leaveContext() {
    if (this.#context?.edit) {
      $("text").value = "";
      this.#context = null;
      this.#typed();
    }
    this.#context = null;
    $("context").hidden = true;
  }

  // Commands

  async loadCommands() {
    this.commands = await get(`users/${this.#me.id}/commands`);
    this.#suggest();
  }

  #matching() {
    const typed = /^\/(\w*)$/.exec($("text").value);
    return typed ? this.commands.filter((entry) => entry.command.startsWith(typed[1].toLowerCase())) : [];
  }

  #suggest() {
    const menu = $("commands");
    const found = this.#matching();
    menu.hidden = !found.length;
    menu.replaceChildren(...found.map((entry, index) => {
      const row = el("button.entry", { type: "button", role: "option", onclick: () => this.#pick(entry) },
        el("b", {}, `/${entry.command}`), el("span", {}, entry.description));
      row.setAttribute("aria-selected", String(index === this.#chosen));
      return row;
    }));
    menu.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }

  #pick(entry) {
    $("text").value = "";
    this.#typed();
    this.say(`/${entry.command}`);
  }

  #menuKey(event) {
    const found = this.#matching();
    if ($("commands").hidden || !found.length) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.#chosen = (this.#chosen + step + found.length) % found.length;
      this.#suggest();
    } else if (event.key === "Enter" && !event.shiftKey) {
      this.#pick(found[this.#chosen]);
    } else if (event.key === "Tab") {
      $("text").value = `/${found[this.#chosen].command} `;
      this.#typed();
    } else if (event.key === "Escape") {
      $("commands").hidden = true;
    } else {
      return false;
    }
    event.preventDefault();
    return true;
  }

  #slash() {
    const text = $("text");
    text.value = text.value === "/" ? "" : "/";
    text.focus();
    this.#typed();
    if (text.value && !this.commands.length) this.say("/help");
  }

  /** The button that stands for the whole composer: of an empty chat, or of a blocked bot. */
  drawStart(empty = this.#empty) {
    this.#empty = empty;
    const blocked = this.#me?.blocked;
    $("start").hidden = !(empty || blocked);
    $("write").hidden = Boolean(blocked);
    $("start").textContent = t(blocked ? "unblock" : "start");
  }

  #startOrUnblock() {
    if (this.#me.blocked) call("POST", `users/${this.#me.id}/block`, { blocked: false });
    else this.say("/start");
  }

  // The bot's keyboard

  /** Show, keep or remove the keyboard that a message of the bot asked for. */
  setKeyboard(markup, message = null) {
    if (markup?.force_reply && message) this.reply(message);
    this.#keyboard = markup?.keyboard ? markup : null;
    const rows = this.#keyboard?.keyboard ?? [];
    $("keyboard").hidden = !rows.length;
    $("keyboard-toggle").hidden = !rows.length;
    $("keyboard").replaceChildren(...rows.map((row) => el("div.row", {}, ...row.map((button) => this.#keyboardButton(button)))));
    this.translate();
  }

  #keyboardButton(button) {
    const text = typeof button === "string" ? button : button.text;
    const node = el("button", { type: "button", onclick: () => {
      if (Object.keys(button).some((key) => key.startsWith("request_") || key === "web_app")) return toast(t("not_played"));
      this.say(text);
      if (this.#keyboard.one_time_keyboard) $("keyboard").hidden = true;
    } }, text);
    if (button.style) node.classList.add(button.style);
    return node;
  }

  // Files

  #paste(event) {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    this.#offer(files, "auto");
  }

  #watchDrops() {
    let depth = 0;
    const drop = $("drop");
    const hasFiles = (event) => [...event.dataTransfer.types].includes("Files");
    const hide = () => {
      depth = 0;
      drop.hidden = true;
    };
    addEventListener("dragenter", (event) => {
      if (!hasFiles(event)) return;
      depth += 1;
      const kinds = [...event.dataTransfer.items].map((item) => item.type);
      drop.classList.toggle("pictures", kinds.some((kind) => /^(image|video)\//.test(kind)));
      drop.hidden = false;
    });
    addEventListener("dragleave", () => {
      depth -= 1;
      if (depth <= 0) hide();
    });
    addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      const zone = event.target.closest(".zone");
      for (const other of drop.children) other.classList.toggle("over", other === zone);
    });
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      const as = event.target.closest(".zone")?.dataset.as ?? "document";
      hide();
      this.#offer([...event.dataTransfer.files], as);
    });
  }

  /** Show what is about to be sent, with a caption, and send it. */
  async #offer(files, as) {
    if (!files.length || this.#me.blocked) return;
    const rows = files.map((file) => el("div.file", {}, thumbnail(file),
      el("span.line", {}, el("b", {}, file.name), el("span", {}, size(file.size)))));
    const large = files.some((file) => file.size > BOT_LIMIT) ? el("p.note", {}, t("too_big")) : null;
    const pictures = files.some((file) => /^(image|video|audio)\//.test(file.type));
    const compress = pictures
      ? el("label.check", {}, el("input", { type: "checkbox", name: "as_files", checked: as === "document" }), t("as_files"))
      : null;
    const caption = el("input", { name: "caption", placeholder: t("caption"), maxLength: CAPTION_LIMIT, autocomplete: "off", value: $("text").value });
    const given = await ask(t("send_files", { n: files.length }), [el("div.files", {}, ...rows), large, compress, caption].filter(Boolean), { submit: t("send") });
    for (const image of document.querySelectorAll("#dialog img")) URL.revokeObjectURL(image.src);
    if (!given) return;
    $("text").value = "";
    const reply = this.#context?.reply?.message_id ?? "";
    this.#leaveContext();
    this.#typed();
    files.forEach((file, index) => this.#upload(file, {
      as: given.as_files || !pictures ? "document" : "auto",
      caption: index === 0 ? given.caption : "",
      reply_to: reply,
    }));
  }

  #upload(file, fields) {
    const form = new FormData();
    for (const [key, value] of Object.entries(fields)) form.append(key, value);
    form.append("file", file);
    const path = `users/${this.#me.id}/messages`;
    const ring = el("button.progress", { type: "button", title: t("cancel"), "aria-label": t("cancel") }, icon("close"));
    const item = el("li.message.own.pending", {}, el("div.side", {}, el("div.bubble", {},
      el("div.file", {}, ring, el("span.line", {}, el("b", {}, file.name), el("span", {}, size(file.size)))))));
    this.#view.pending(item);
    this.#queue = this.#queue.then(() => {
      const sending = upload(path, form, (part) => ring.style.setProperty("--part", String(part)));
      ring.addEventListener("click", sending.abort);
      return sending.done;
    }).catch((error) => {
      if (error.message !== "aborted") toast(t("failed", { reason: error.message }), "bad");
    }).finally(() => item.remove());
  }
}

function thumbnail(file) {
  if (!file.type.startsWith("image/")) return fileIcon(file.name);
  return el("img.thumb", { src: URL.createObjectURL(file), alt: "" });
}

/** A long text as several messages, broken at a line or a blank where there is one. */
function* parts(text) {
  let rest = text;
  while (rest.length > TEXT_LIMIT) {
    const head = rest.slice(0, TEXT_LIMIT);
    const at = [head.lastIndexOf("\n"), head.lastIndexOf(" ")].find((place) => place > TEXT_LIMIT / 2) ?? TEXT_LIMIT;
    yield rest.slice(0, at);
    rest = rest.slice(at).trimStart();
  }
  yield rest;
}
