// Small helpers: elements, icons, avatars, dates and sizes.

import { language, t } from "./i18n.js";

export const $ = (id) => document.getElementById(id);

/** `el("p.note", {title: "x"}, "text", child)` */
export function el(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (key === "data") Object.assign(node.dataset, value);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child || child === 0));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `/page/icons.svg#${name}`);
  svg.append(use);
  svg.setAttribute("aria-hidden", "true");
  return svg;
}

export function paintAvatar(node, id, name) {
  const words = name.trim().split(/\s+/);
  node.textContent = words.slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase();
  node.dataset.color = String(Math.abs(id) % 7);
  return node;
}

export const fullName = (person) => [person.first_name, person.last_name].filter(Boolean).join(" ");

/** The system's variant of the page's language: en-GB writes times otherwise than en-US. */
const locale = () => navigator.languages.find((tag) => tag.startsWith(language)) ?? language;

export const time = (seconds) =>
  new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit" }).format(seconds * 1000);

export function day(seconds) {
  const date = new Date(seconds * 1000);
  const days = Math.round((startOf(new Date()) - startOf(date)) / 86_400_000);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  const year = date.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  return new Intl.DateTimeFormat(locale(), { day: "numeric", month: "long", ...year }).format(date);
}

const startOf = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());

/** Bytes for people: 1.2 MB. */
export function size(bytes) {
  const units = t("bytes");
  let step = 0;
  while (bytes >= 1024 && step < units.length - 1) {
    bytes /= 1024;
    step += 1;
  }
  const digits = { maximumFractionDigits: step && bytes < 10 ? 1 : 0 };
  return `${new Intl.NumberFormat(locale(), digits).format(bytes)}\u00a0${units[step]}`;
}

export function duration(seconds) {
  const rest = String(Math.floor(seconds % 60)).padStart(2, "0");
  return `${Math.floor(seconds / 60)}:${rest}`;
}

/** A link that may be opened, or null: no javascript: and no data:. */
export function safeUrl(url) {
  try {
    const full = /^[a-z][a-z0-9+.-]*:/i.test(url) ? url : `http://${url}`;
    return ["http:", "https:", "mailto:", "tel:", "tg:"].includes(new URL(full).protocol) ? full : null;
  } catch {
    return null;
  }
}
