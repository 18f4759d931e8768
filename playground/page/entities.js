// Telegram's text with entities, as elements. Offsets are UTF-16 units, as in JavaScript's strings.

import { el, icon, safeUrl } from "./dom.js";
import { t } from "./i18n.js";

const SIMPLE = { bold: "strong", italic: "em", underline: "u", strikethrough: "s" };

/** The text as a fragment; `actions` has `command(text)` and `copy(text)`. */
export function formatted(text, entities = [], actions = {}) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const root = document.createDocumentFragment();
  fill(root, text, 0, text.length, sorted, actions);
  return root;
}

/** Put text[start, end) into a node; entities that begin in it are taken from the list. */
function fill(node, text, start, end, waiting, actions) {
  let position = start;
  while (waiting.length && waiting[0].offset < end) {
    const entity = waiting.shift();
    const from = Math.max(entity.offset, position);
    const to = Math.min(entity.offset + entity.length, end);
    if (to <= from) continue;
    node.append(text.slice(position, from));
    const wrapper = wrap(entity, text.slice(from, to), actions);
    fill(wrapper.inside ?? wrapper, text, from, to, waiting, actions);
    node.append(wrapper);
    position = to;
    if (isBlock(entity.type) && text[position] === "\n") position += 1;
  }
  node.append(text.slice(position, end));
}

const isBlock = (type) => type === "pre" || type.endsWith("blockquote");

function wrap(entity, text, actions) {
  const { type } = entity;
  if (type in SIMPLE) return el(SIMPLE[type]);
  switch (type) {
    case "code":
      return el("code", { title: t("copy"), onclick: () => actions.copy?.(text) });
    case "pre":
      return codeBlock(entity, text, actions);
    case "blockquote":
      return el("blockquote");
    case "expandable_blockquote":
      return expandable();
    case "spoiler":
      return spoiler();
    case "text_link":
      return link(entity.url, entity.url);
    case "url":
      return link(text);
    case "email":
      return link(`mailto:${text}`);
    case "phone_number":
      return link(`tel:${text}`);
    case "bot_command":
      return el("a.command", { href: "#", onclick: (event) => {
        event.preventDefault();
        actions.command?.(text);
      } });
    case "custom_emoji":
      return el("span.custom-emoji", { title: t("custom_emoji") });
    case "mention":
    case "text_mention":
    case "hashtag":
    case "cashtag":
      return el("span.tag");
    case "date_time":
      return el("time", { title: new Date(entity.unix_time * 1000).toLocaleString() });
    default:
      return el("span");
  }
}

function link(url, title = "") {
  const href = safeUrl(url);
  if (!href) return el("span");
  return el("a", { href, title, target: "_blank", rel: "noopener noreferrer" });
}

function codeBlock(entity, text, actions) {
  const inside = el("code");
  const copy = el("button.copy", { type: "button", title: t("copy"), onclick: () => actions.copy?.(text) }, icon("copy"));
  const block = el("pre", {}, el("span.language", {}, entity.language ?? ""), copy, inside);
  block.inside = inside;
  return block;
}

function expandable() {
  const inside = el("span");
  const block = el("blockquote.expandable", { tabIndex: 0, role: "button", "aria-expanded": "false" }, inside, icon("chevron"));
  block.inside = inside;
  const toggle = () => {
    if (getSelection().toString()) return;
    block.setAttribute("aria-expanded", String(block.classList.toggle("open")));
  };
  block.addEventListener("click", toggle);
  block.addEventListener("keydown", (event) => event.key === "Enter" && toggle());
  return block;
}

function spoiler() {
  const node = el("span.spoiler", { tabIndex: 0, role: "button", "aria-label": t("spoiler") });
  const reveal = () => {
    node.classList.add("shown");
    node.removeAttribute("aria-label");
  };
  node.addEventListener("click", reveal);
  node.addEventListener("keydown", (event) => event.key === "Enter" && reveal());
  return node;
}
