// Where one writes: text, commands, replies, edits, inline mode, the bot's keyboard.

import { preview } from "./bubbles.js";
import { Attachments } from "./attach.js";
import { BotKeyboard } from "./keyboard.js";
import { ask, field, input, toast } from "./dialogs.js";
import { $, el, icon, openLink } from "./dom.js";
import { SHORTCUTS, parse, unparse, wrap } from "./formatting.js";
import { InlineResults } from "./inline.js";
import { t } from "./i18n.js";
import { act, app, isIn, permission, place, sender } from "./state.js";
import { call } from "./api.js";
import { Recorder } from "./recorder.js";

const TEXT_LIMIT = 4096;

export class Composer {
  commands = [];
  #view;
  #context = null; // { reply } or { edit }: the message it is about
  #chosen = 0;
  #queue = Promise.resolve();
  #empty = false;
  #menuButton = { type: "commands" };
  #drafts = new Map(); // chat → what was typed and not sent
  #forced = ""; // the placeholder of a forced reply
  #inline;
  #keyboard;
  #files;

  constructor(view) {
    this.#view = view;
    this.#inline = new InlineResults({ sent: () => this.#clear(), say: (text, how) => this.say(text, how) });
    this.#keyboard = new BotKeyboard({ say: (text) => this.say(text), changed: () => this.translate(), focus: () => this.focus() });
    this.#files = new Attachments({
      ready: () => permission() === "yes",
      caption: () => $("text").value,
      reply: () => this.#context?.reply?.message_id ?? "",
      sent: () => this.#clear(),
      pending: view.pending,
      enqueue: (send) => this.#enqueue(send),
    });
    new Recorder({ send: (file, seconds) => this.#files.voice(file, seconds) });
    const text = $("text");
    text.addEventListener("input", () => this.#typed());
    text.addEventListener("keydown", (event) => this.#key(event));
    $("write").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    $("slash").addEventListener("click", () => this.#menu());
    $("start").addEventListener("click", () => this.#startOrEnter());
    $("context").querySelector("button").addEventListener("click", () => this.#leaveContext());
  }

  focus() {
    if (matchMedia("(hover: hover)").matches) $("text").focus();
  }

  translate() {
    $("text").placeholder = this.#forced || this.#keyboard.placeholder || this.#inlineHint() || t("write");
    $("slash").title = this.#menuButton.type === "web_app" ? this.#menuButton.text : t("commands");
    $("slash").setAttribute("aria-label", $("slash").title);
  }

  #inlineHint() {
    const bot = this.#inline.botOf($("text").value);
    return bot?.inline_placeholder ?? "";
  }

  /** Leave a chat: what was typed waits there. */
  leave(key) {
    if (!this.#context?.edit) this.#drafts.set(key, $("text").value);
    this.#leaveContext();
    this.#keyboard.set(null);
  }

  enter(key) {
    $("text").value = this.#drafts.get(key) ?? "";
    this.#typed();
  }

  /** The bot's menu button, and the keyboard that the chat shows. */
  opened(found) {
    this.#menuButton = found.menu_button;
    this.setKeyboard(found.keyboard_of);
    this.translate();
  }

  // Writing

  /** Send a text as it is; `private` sends it to the bot itself, wherever one is. */
  say(text, { private: alone = false } = {}) {
    const at = alone ? { ...place(), chat: 0, thread: 0 } : place();
    this.#send([{ text }], {}, at);
    this.focus();
  }

  /** Put a text into the field, to be gone on with. */
  type(text) {
    $("text").value = text;
    $("text").focus();
    this.#typed();
  }

  #submit() {
    const source = $("text").value;
    if (!source.trim()) return;
    const context = this.#context;
    this.#clear();
    if (context?.edit) return this.#change(context.edit, source);
    this.#send([...parts(source.trim())].map(parse), context ? { reply_to: context.reply.message_id } : {}, place(), source);
  }

  #clear() {
    $("text").value = "";
    this.#leaveContext();
    this.#typed();
  }

  /** Messages leave in the order in which they were written. */
  #enqueue(send) {
    this.#queue = this.#queue.then(send, send);
    return this.#queue;
  }

  #send(messages, fields, at, source = "") {
    const thread = at.thread ? { thread: at.thread } : {};
    for (const message of messages) {
      this.#enqueue(() => act("POST", "messages", { ...message, ...fields, ...thread }, {}, at).catch((error) => {
        toast(t("failed", { reason: error.message }), "bad");
        $("text").value ||= source || message.text;
        this.#typed();
      }));
    }
  }

  async #change(message, source) {
    const { text, entities = [] } = parse(source);
    const before = unparse(message.text ?? message.caption ?? "", message.entities ?? message.caption_entities);
    if (before === source.trim()) return;
    const body = "text" in message ? { text, entities } : { caption: text, caption_entities: entities };
    await act("PATCH", `messages/${message.message_id}`, body);
  }

  #typed() {
    const text = $("text");
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, 220)}px`;
    const empty = !text.value.trim();
    $("send").disabled = empty;
    $("send").hidden = empty && !this.#context?.edit;
    $("voice").hidden = !$("send").hidden;
    this.#chosen = 0;
    this.#suggest();
    this.#inline.typed(text.value);
  }

  #key(event) {
    if (event.isComposing) return;
    if (this.#menuKey(event) || this.#inline.key(event) || this.#shortcut(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && this.#context) {
      event.stopPropagation();
      this.#leaveContext();
    } else if (event.key === "ArrowUp" && !$("text").value && !event.altKey) {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) return this.#view.focusLast();
      const last = this.#view.lastOwn();
      if (last) this.edit(last);
    }
  }

  #shortcut(event) {
    if (!(event.ctrlKey || event.metaKey)) return false;
    const key = `${event.shiftKey ? "shift+" : ""}${event.key.toLowerCase()}`;
    if (key === "k") this.#link();
    else if (key in SHORTCUTS) wrap($("text"), SHORTCUTS[key]);
    else return false;
    event.preventDefault();
    return true;
  }

  async #link() {
    const text = $("text");
    const [from, to] = [text.selectionStart, text.selectionEnd];
    const label = text.value.slice(from, to);
    const given = await ask(t("add_link"), [
      field(t("link_text"), input("label", { value: label, required: true })),
      field(t("link_url"), input("url", { required: true, placeholder: "https://…", autofocus: true, dir: "ltr" })),
    ], { submit: t("add") });
    text.focus();
    if (!given) return;
    const url = /^[a-z][a-z0-9+.-]*:/i.test(given.url) ? given.url : `https://${given.url}`;
    text.setRangeText(`[${given.label}](${url})`, from, to, "end");
    this.#typed();
  }

  // Answering and changing

  reply(message) {
    this.#enter({ reply: message }, "reply", sender(message).name, message);
  }

  edit(message) {
    this.#enter({ edit: message }, "edit", t("edit_own"), message);
    $("text").value = unparse(message.text ?? message.caption ?? "", message.entities ?? message.caption_entities);
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
    const edited = this.#context?.edit;
    this.#context = null;
    this.#forced = "";
    $("context").hidden = true;
    this.translate();
    if (!edited) return;
    $("text").value = "";
    this.#typed();
  }

  // Commands

  async loadCommands() {
    const at = place();
    const found = await act("GET", "commands", undefined, {}, at);
    const several = app.here && app.bots.filter((bot) => isIn(app.here, bot.id)).length > 1;
    const suffix = several ? `@${app.bot.username}` : "";
    this.commands = app.here && !isIn(app.here, app.bot.id) ? [] : found.map((entry) => ({ ...entry, command: entry.command + suffix }));
    this.#suggest();
  }

  #matching() {
    const typed = /^\/([\w@]*)$/.exec($("text").value);
    return typed ? this.commands.filter((entry) => entry.command.startsWith(typed[1].toLowerCase())) : [];
  }

  #suggest() {
    const menu = $("commands");
    const found = this.#matching();
    menu.hidden = !found.length;
    $("text").setAttribute("aria-expanded", String(found.length > 0));
    menu.replaceChildren(...found.map((entry, index) => {
      const row = el("button.entry", { type: "button", role: "option", id: `command-${index}`, onclick: () => this.#pick(entry) },
        el("b", {}, `/${entry.command}`), el("span", { dir: "auto" }, entry.description));
      row.setAttribute("aria-selected", String(index === this.#chosen));
      return row;
    }));
    if (found.length) $("text").setAttribute("aria-activedescendant", `command-${this.#chosen}`);
    else $("text").removeAttribute("aria-activedescendant");
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
      this.type(`/${found[this.#chosen].command} `);
    } else if (event.key === "Escape") {
      $("commands").hidden = true;
    } else {
      return false;
    }
    event.preventDefault();
    return true;
  }

  /** The bot's menu button: its commands, or a page. */
  #menu() {
    if (this.#menuButton.type === "web_app") return openLink(this.#menuButton.web_app.url);
    this.type($("text").value === "/" ? "" : "/");
    if ($("text").value && !this.commands.length) toast(t("no_commands"));
  }

  /** The button that stands for the whole composer: of an empty chat, a blocked bot, a channel. */
  drawStart(empty = this.#empty) {
    this.#empty = empty;
    const state = permission();
    const words = { yes: empty && !app.here ? "start" : "", blocked: "unblock", outside: "join", reader: "only_admins", banned: "banned", deactivated: "deactivated" }[state];
    $("start").hidden = !words;
    $("start").disabled = ["reader", "banned", "deactivated"].includes(state);
    $("start").textContent = words ? t(words) : "";
    $("write").hidden = state !== "yes";
  }

  async #startOrEnter() {
    const state = permission();
    if (state === "blocked") await act("POST", "block", { blocked: false });
    else if (state === "outside") await call("POST", `chats/${app.here.id}/members`, { who: String(app.me.id), status: "member" });
    else this.say("/start");
    this.focus();
  }

  // The bot's keyboard

  /** Show, keep or remove the keyboard that a message of the bot asked for; answer when told to. */
  setKeyboard(message, isNew = false) {
    const markup = message?.keyboard;
    if (markup?.selective && app.here && !meant(message)) return;
    this.#keyboard.set(markup, message);
    if (!markup?.force_reply || !isNew) return;
    this.reply(message);
    this.#forced = markup.input_field_placeholder ?? "";
    this.translate();
  }
}

/** Whether a message of the bot is for the person: it answers or names them. */
function meant(message) {
  const named = app.me.username && (message.text ?? message.caption ?? "").includes(`@${app.me.username}`);
  const marked = (message.entities ?? []).some((entity) => entity.user?.id === app.me.id);
  return named || marked || message.reply_to_message?.from?.id === app.me.id;
}

/** A long text as several messages, broken at a line or a blank where there is one. */
function* parts(text) {
  let rest = text;
  while (rest.length > TEXT_LIMIT) {
    const head = rest.slice(0, TEXT_LIMIT);
    const at = [head.lastIndexOf("\n"), head.lastIndexOf(" ")].find((index) => index > TEXT_LIMIT / 2) ?? TEXT_LIMIT;
    yield rest.slice(0, at);
    rest = rest.slice(at).trimStart();
  }
  yield rest;
}
