// Messages as bubbles.

import { fileUrl } from "./api.js";
import { duration, el, fullName, icon, paintAvatar, safeUrl, size, time } from "./dom.js";
import { copy, toast, view } from "./dialogs.js";
import { formatted } from "./entities.js";
import { t } from "./i18n.js";

const KINDS = ["photo", "animation", "video", "audio", "voice", "video_note", "sticker", "document", "dice"];

export const kindOf = (message) => KINDS.find((kind) => kind in message) ?? "text";

/** A line that stands for the message: in the list of people, in replies. */
export function preview(message) {
  const text = message.text ?? message.caption;
  if (text) return text.replace(/\s+/g, " ");
  const kind = kindOf(message);
  if (kind === "document") return message.document.file_name ?? t("document");
  if (kind === "audio") return message.audio.title ?? message.audio.file_name ?? t("audio");
  if (kind === "dice") return message.dice.emoji;
  return kind === "text" ? t("unsupported") : t(kind);
}

/** A list item for a message. `chat` has the person, what is being answered, and the actions. */
export function bubble(message, chat) {
  const own = !message.from.is_bot;
  const item = el("li.message", { data: { id: message.message_id, sender: message.from.id, date: message.date } });
  item.classList.add(own ? "own" : "other");
  const box = el("div.bubble");
  const kind = kindOf(message);
  item.classList.add(`is-${kind}`);
  if (!own) item.append(paintAvatar(el("span.avatar.bot", { "aria-hidden": "true" }), message.from.id, message.from.first_name));
  item.append(el("div.side", {}, box, reactions(message), keyboard(message, chat)));
  item.append(el("button.icon.quick", { title: t("reply"), "aria-label": t("reply"), onclick: () => chat.reply(message) }, icon("reply")));
  box.append(...[forwarded(message), quoted(message, chat), ...content(message, kind, chat), meta(message)].filter(Boolean));
  return item;
}

/** Show a changed message in its old item: what plays or is loaded stays as it is. */
export function refresh(item, message, chat) {
  const fresh = bubble(message, chat);
  const [before, after] = [item, fresh].map((node) => node.querySelector("[data-file]"));
  if (before && after && before.dataset.file === after.dataset.file) after.replaceWith(before);
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
  const edited = message.edit_date ? el("span.edited", {}, `${t("edited")} `) : null;
  return el("span.meta", {}, edited, el("time", {}, time(message.date)));
}

function forwarded(message) {
  const origin = message.forward_origin;
  if (!origin) return null;
  const name = origin.sender_user ? fullName(origin.sender_user) : origin.sender_user_name;
  return el("div.forwarded", {}, t("forwarded", { name }));
}

function quoted(message, chat) {
  const answered = message.reply_to_message;
  if (!answered) return null;
  const name = answered.from.is_bot ? answered.from.first_name : fullName(answered.from);
  const quote = message.quote?.text ?? preview(answered);
  return el("button.quote", { type: "button", onclick: () => chat.jump(answered.message_id) },
    el("b", {}, name), el("span", {}, quote));
}

function content(message, kind, chat) {
  const actions = { command: chat.say, copy };
  const text = message.text ?? message.caption;
  const words = text ? el("div.text", {}, formatted(text, message.entities ?? message.caption_entities, actions)) : null;
  words?.append(room(message));
  if (kind === "text") return [words ? jumbo(words, message) : el("div.text.dim", {}, t("unsupported"))];
  const media = MEDIA[kind](message[kind], message);
  return message.show_caption_above_media ? [words, media] : [media, words];
}

/** A message of one to three emoji is shown large. */
function jumbo(words, message) {
  if (!message.entities && /^(\p{Extended_Pictographic}[\u{fe0f}\u{200d}\u{1f3fb}-\u{1f3ff}]*){1,3}$/u.test(message.text)) {
    words.classList.add("jumbo");
  }
  return words;
}

const MEDIA = {
  photo(sizes, message) {
    const photo = sizes.at(-1);
    const url = fileUrl(photo.file_id);
    const image = el("img", { src: url, alt: t("photo"), width: photo.width, height: photo.height, loading: "lazy" });
    const box = el("div.media", { data: { file: photo.file_id } }, image);
    shape(box, photo);
    if (message.has_media_spoiler) {
      box.classList.add("hidden");
      box.addEventListener("click", () => box.classList.remove("hidden"), { once: true, capture: true });
    }
    image.addEventListener("click", () => view(url));
    return box;
  },
  animation(file) {
    const url = fileUrl(file.file_id);
    const node = file.mime_type === "image/gif"
      ? el("img", { src: url, alt: t("animation") })
      : el("video", { src: url, autoplay: true, loop: true, muted: true, playsInline: true });
    return shape(el("div.media", { data: { file: file.file_id } }, node, el("span.mark", {}, "GIF")), file);
  },
  video: (file) => shape(el("div.media", { data: { file: file.file_id } },
    el("video", { src: fileUrl(file.file_id), controls: true, preload: "metadata", playsInline: true })), file),
  video_note: (file) => el("div.media.round", { data: { file: file.file_id } },
    el("video", { src: fileUrl(file.file_id), controls: true, preload: "metadata", playsInline: true })),
  sticker: (file) => el("div.media.sticker", { data: { file: file.file_id } },
    el("img", { src: fileUrl(file.file_id), alt: file.emoji ?? t("sticker") })),
  audio: (file) => player(file, file.title ?? file.file_name ?? t("audio"), file.performer ?? size(file.file_size)),
  voice: (file) => player(file, t("voice"), file.duration ? duration(file.duration) : size(file.file_size)),
  document: fileCard,
  dice: (dice) => el("div.dice", {}, el("span", {}, dice.emoji), el("b", {}, String(dice.value))),
};

/** Keep the place of a picture free before it is there, so that nothing jumps. */
function shape(box, { width, height }) {
  if (width && height) {
    box.classList.add("shaped");
    box.style.setProperty("--ratio", String(width / height));
    box.style.setProperty("--width", `${width}px`);
  }
  return box;
}

function player(file, title, note) {
  return el("div.player", { data: { file: file.file_id } },
    el("div.line", {}, el("b", {}, title), el("span", {}, note)),
    el("audio", { src: fileUrl(file.file_id), controls: true, preload: "metadata" }));
}

const FAMILIES = {
  pdf: "pdf", doc: "word", docx: "word", odt: "word", rtf: "word", xls: "sheet", xlsx: "sheet", ods: "sheet", csv: "sheet",
  ppt: "slides", pptx: "slides", odp: "slides", zip: "archive", "7z": "archive", rar: "archive", tar: "archive", gz: "archive",
  png: "image", jpg: "image", jpeg: "image", webp: "image", gif: "image", svg: "image",
};

export function fileIcon(name) {
  const suffix = /\.(\w{1,5})$/.exec(name)?.[1].toLowerCase() ?? "";
  return el("span.file-icon", { data: { family: FAMILIES[suffix] ?? "" } }, suffix || icon("file"));
}

function fileCard(file) {
  const name = file.file_name ?? t("document");
  const there = file.file_size <= 2 ** 31 && file.file_id;
  return el("a.file", { href: fileUrl(file.file_id, true), download: name, title: t("download"), data: { file: there } },
    fileIcon(name), el("span.line", {}, el("b", {}, name), el("span", {}, size(file.file_size))));
}

function reactions(message) {
  if (!message.reactions?.length) return null;
  return el("div.reactions", {}, ...message.reactions.map((reaction) => el("span", {}, reaction.emoji ?? "⭐")));
}

function keyboard(message, chat) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return null;
  return el("div.buttons", {}, ...rows.map((row) => el("div.row", {}, ...row.map((button) => inlineButton(message, button, chat)))));
}

function inlineButton(message, button, chat) {
  const node = el("button.inline", { type: "button" }, el("span", {}, button.text));
  if (button.style) node.classList.add(button.style);
  if (chat.isBusy(message.message_id, button.callback_data)) node.classList.add("busy");
  if (button.url) node.append(icon("link"));
  if (button.copy_text) node.append(icon("copy"));
  node.addEventListener("click", () => press(message, button, chat));
  return node;
}

function press(message, button, chat) {
  if (button.callback_data) chat.click(message, button.callback_data);
  else if (button.copy_text) copy(button.copy_text.text);
  else if (button.url) open(safeUrl(button.url) ?? "about:blank", "_blank", "noopener,noreferrer");
  else if (!button.disabled) toast(t("not_played"));
}
