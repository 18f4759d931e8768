// Messages as bubbles.

import { colorOf, el, fullName, icon, iconButton, isRtl, openLink, paintAvatar, time, fullTime } from "./dom.js";
import { copy, toast } from "./dialogs.js";
import { formatted } from "./entities.js";
import { t } from "./i18n.js";
import { draw, kindOf, mosaic } from "./media.js";
import { isService, serviceWords } from "./service.js";
import { app, isOwn, memberOf, sender, writer } from "./state.js";

const LONG = 1400; // characters above which a text is folded
const MANY = 26; // lines
const FRAMED = ["photo", "video", "animation"];

/** A line that stands for the message: in lists, in replies. */
export function preview(message) {
  if (isService(message)) return serviceWords(message, preview);
  const text = message.text ?? message.caption;
  const kind = kindOf(message);
  if (text) return text.replace(/\s+/g, " ");
  if (kind === "document") return message.document.file_name ?? t("document");
  if (kind === "audio") return message.audio.title ?? message.audio.file_name ?? t("audio");
  if (kind === "dice") return message.dice.emoji;
  if (kind === "poll") return `📊 ${message.poll.question}`;
  if (kind === "contact") return `${t("contact")}: ${fullName(message.contact)}`;
  return kind === "text" ? t("unsupported") : t(kind);
}

/** A list item for a message, or for the messages of an album. `chat` has the actions. */
export function bubble(messages, chat) {
  const [message] = messages;
  const item = el("li.message", { tabIndex: -1, data: { id: message.message_id, sender: senderKey(message), date: message.date } });
  if (isService(message)) {
    item.classList.add("service");
    item.append(el("span", { dir: "auto" }, serviceWords(message, preview)));
    return item;
  }
  const own = isOwn(message);
  const kind = kindOf(message);
  item.classList.add(own ? "own" : "other", `is-${kind}`);
  if (messages.length > 1) item.classList.add("is-album");
  const box = el("div.bubble");
  const who = sender(message);
  if (!own) {
    const avatar = paintAvatar(el("span.avatar"), who.id, who.name);
    avatar.classList.toggle("bot", Boolean(who.bot));
    item.append(avatar);
  }
  item.append(el("div.side", {}, box, reactions(message, chat), keyboard(message, chat)));
  const quick = iconButton("reply", t("reply"), () => chat.reply(message));
  quick.classList.add("quick");
  quick.tabIndex = -1;
  item.append(quick);
  box.append(...[named(message, own), via(message), forwarded(message), quoted(message, chat), ...content(messages, kind, chat)].filter(Boolean));
  box.append(meta(messages.at(-1)));
  box.classList.toggle("rtl", isRtl(message.text ?? message.caption ?? ""));
  return item;
}

const senderKey = (message) => (isService(message) ? "service" : `${sender(message).id} ${writer(message).id} ${message.via_bot?.id ?? ""}`);

/** Show changed messages in their old item: what plays or is loaded stays as it is. */
export function refresh(item, messages, chat) {
  const fresh = bubble(messages, chat);
  const [before, after] = [item, fresh].map((node) => node.querySelectorAll("[data-file]"));
  if (before.length === after.length) {
    after.forEach((node, index) => node.dataset.file === before[index].dataset.file && node.replaceWith(before[index]));
  }
  const states = [...item.classList].filter((name) => ["first", "last"].includes(name));
  item.className = fresh.className;
  item.classList.add(...states);
  item.replaceChildren(...fresh.childNodes);
}

/** Keeps the end of a text's last line free for the time. */
function room(message) {
  const ghost = meta(message);
  ghost.classList.add("ghost");
  ghost.setAttribute("aria-hidden", "true");
  return ghost;
}

function meta(message) {
  const edited = message.edit_date && !message.edit_hide ? el("span.edited", {}, `${t("edited")} `) : null;
  const who = sender(message);
  const signature = who.signature && message.chat.type === "channel" ? el("span", {}, `${who.signature}, `) : null;
  return el("span.meta", { title: fullTime(message.edit_date ?? message.date) }, signature, edited, el("time", {}, time(message.date)));
}

/** The sender's name, in chats of several. */
function named(message, own) {
  if (!app.here || own) return null;
  const who = sender(message);
  const name = el("div.sender", { dir: "auto", data: { color: colorOf(who.id) } }, who.name);
  const member = memberOf(app.here, who.id);
  const rank = who.chat ? (app.here.type === "channel" ? "" : t("anonymous")) : member?.custom_title ?? { creator: t("owner"), administrator: t("admin") }[member?.status];
  if (rank) name.append(el("span.rank", {}, rank));
  else if (who.bot) name.append(el("span.rank", {}, t("online")));
  return name;
}

const via = (message) => message.via_bot && el("div.via", {}, t("via", { name: `@${message.via_bot.username}` }));

function forwarded(message) {
  const origin = message.forward_origin;
  if (!origin) return null;
  const name = origin.sender_user ? fullName(origin.sender_user) : origin.sender_user_name ?? (origin.chat ?? origin.sender_chat)?.title ?? "";
  return el("div.forwarded", { dir: "auto" }, t("forwarded", { name }));
}

function quoted(message, chat) {
  const answered = message.reply_to_message;
  if (!answered || ("forum_topic_created" in answered && answered.message_id === message.message_thread_id)) return null;
  const who = sender(answered);
  return el("button.quote", { type: "button", data: { color: colorOf(who.id) }, onclick: () => chat.jump(answered.message_id) },
    el("b", { dir: "auto" }, who.name), el("span", { dir: "auto" }, message.quote?.text ?? preview(answered)));
}

function content(messages, kind, chat) {
  if (messages.length > 1) return album(messages, kind, chat);
  const [message] = messages;
  const words = written(message, chat);
  (words?.querySelector(":scope > .words") ?? words)?.append(room(message));
  if (kind === "text") return [words ? jumbo(words, message) : el("div.text.dim", {}, t("unsupported"))];
  const media = draw(message);
  return message.show_caption_above_media ? [words, media] : [media, words];
}

function album(messages, kind, chat) {
  if (FRAMED.includes(kind)) {
    const captioned = messages.filter((message) => message.caption);
    const words = captioned.length === 1 ? written(captioned[0], chat) : null;
    words?.append(room(messages.at(-1)));
    return [mosaic(messages), words];
  }
  return messages.flatMap((message) => {
    const media = draw(message);
    media.dataset.message = message.message_id;
    return [media, written(message, chat)];
  });
}

/** The text or caption; a long one is folded. */
function written(message, chat) {
  const text = message.text ?? message.caption;
  if (!text) return null;
  const actions = { command: chat.say, copy };
  const node = el("div.text", {}, formatted(text, message.entities ?? message.caption_entities, actions));
  if (text.length > LONG || text.split("\n").length > MANY) fold(node, message);
  return node;
}

const UNFOLDED = new Set(); // messages that were opened stay so when they change

function fold(node, { message_id: id }) {
  const inside = el("div.words", {}, ...node.childNodes);
  const button = el("button.more", { type: "button", onclick: () => {
    if (!UNFOLDED.delete(id)) UNFOLDED.add(id);
    show();
  } });
  const show = () => {
    const open = UNFOLDED.has(id);
    node.classList.toggle("folded", !open);
    button.textContent = t(open ? "show_less" : "show_more");
    button.setAttribute("aria-expanded", String(open));
  };
  node.append(inside, button);
  show();
}

/** A message of one to three emoji is shown large. */
function jumbo(words, message) {
  if (!message.entities && /^(\p{Extended_Pictographic}[\u{fe0f}\u{200d}\u{1f3fb}-\u{1f3ff}]*){1,3}$/u.test(message.text)) {
    words.classList.add("jumbo");
  }
  return words;
}

/** Reactions by emoji with how many there are; a click joins in or takes one's own back. */
function reactions(message, chat) {
  if (!message.reactions?.length) return null;
  const groups = new Map();
  for (const reaction of message.reactions) {
    const sign = reaction.emoji ?? "⭐";
    groups.set(sign, [...(groups.get(sign) ?? []), reaction.by]);
  }
  return el("div.reactions", {}, ...[...groups].map(([sign, who]) => {
    const own = who.includes(app.me.id);
    const names = who.map((id) => [...app.people, ...app.bots].find((one) => one.id === id)).map((one) => one?.name ?? fullName(one ?? {}));
    const button = el("button", { type: "button", title: names.join(", "), "aria-pressed": String(own), onclick: () => chat.react(message, own ? [] : [sign]) },
      el("span", {}, sign), who.length > 1 || app.here ? el("b", {}, String(who.length)) : null);
    return button;
  }));
}

function keyboard(message, chat) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return null;
  return el("div.buttons", {}, ...rows.map((row) => el("div.row", {}, ...row.map((button) => inlineButton(message, button, chat)))));
}

const SIGNS = { url: "link", login_url: "link", web_app: "window", copy_text: "copy", switch_inline_query: "share", switch_inline_query_chosen_chat: "share", switch_inline_query_current_chat: "at" };

function inlineButton(message, button, chat) {
  const node = el("button.inline", { type: "button" }, el("span", {}, button.text));
  const sign = Object.keys(SIGNS).find((kind) => kind in button);
  if (button.style) node.classList.add(button.style);
  if (button.disabled) node.disabled = true;
  if (chat.isBusy(message.message_id, button.callback_data)) node.classList.add("busy");
  if (sign) node.append(icon(SIGNS[sign]));
  node.title = button.url ?? button.web_app?.url ?? "";
  node.addEventListener("click", () => press(message, button, chat));
  return node;
}

function press(message, button, chat) {
  const bot = message.via_bot?.username ?? message.from?.username ?? app.bot.username;
  if (button.callback_data) chat.click(message, button.callback_data);
  else if (button.copy_text) copy(button.copy_text.text);
  else if (button.url || button.web_app) openLink(button.url ?? button.web_app.url);
  else if (button.switch_inline_query_current_chat !== undefined) chat.type(`@${bot} ${button.switch_inline_query_current_chat}`);
  else if (button.switch_inline_query !== undefined) chat.share(bot, button.switch_inline_query);
  else if (button.switch_inline_query_chosen_chat) chat.share(bot, button.switch_inline_query_chosen_chat.query ?? "");
  else toast(t("not_played"));
}
