// Small helpers: elements, icons, avatars, dates and sizes.

import { language, t } from "./i18n.js";

export const $ = (id) => document.getElementById(id);

/** `el("p.note", {title: "x"}, "text", child)`; children that are null or false are left out. */
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

/** A round button with an icon, which its tip names. */
export const iconButton = (name, tip, onclick) =>
  el("button.icon", { type: "button", title: tip, "aria-label": tip, onclick }, icon(name));

export const colorOf = (id) => String(Math.abs(id) % 7);

export function paintAvatar(node, id, name) {
  const words = name.trim().split(/\s+/);
  node.textContent = words.slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase();
  node.dataset.color = colorOf(id);
  node.setAttribute("aria-hidden", "true");
  return node;
}

export const fullName = (person) => [person.first_name, person.last_name].filter(Boolean).join(" ");

/** The system's variant of the page's language: en-GB writes times otherwise than en-US. */
const locale = () => navigator.languages.find((tag) => tag.startsWith(language)) ?? language;

const formats = new Map(); // making one takes longer than using it a hundred times

function format(kind, options) {
  const key = `${locale()} ${kind.name} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new kind(locale(), options));
  return formats.get(key);
}

export const time = (seconds) => format(Intl.DateTimeFormat, { hour: "2-digit", minute: "2-digit" }).format(seconds * 1000);

export const exactTime = (seconds) =>
  format(Intl.DateTimeFormat, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 }).format(seconds * 1000);

export const fullTime = (seconds) => format(Intl.DateTimeFormat, { dateStyle: "long", timeStyle: "medium" }).format(seconds * 1000);

export const number = (value, options = {}) => format(Intl.NumberFormat, options).format(value);

export const joined = (words) => format(Intl.ListFormat, {}).format(words);

export function day(seconds) {
  const date = new Date(seconds * 1000);
  const days = Math.round((startOf(new Date()) - startOf(date)) / 86_400_000);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  const year = date.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  return format(Intl.DateTimeFormat, { day: "numeric", month: "long", ...year }).format(date);
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
  return `${number(bytes, { maximumFractionDigits: step && bytes < 10 ? 1 : 0 })}\u00a0${units[step]}`;
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

export const openLink = (url) => open(safeUrl(url) ?? "about:blank", "_blank", "noopener,noreferrer");

/** Whether a text begins in a script that is written from right to left. */
export const isRtl = (text) => /^[^\p{L}]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/u.test(text);

/** Call the function once it was quiet for so many milliseconds. */
export function debounce(wait, call) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), wait);
  };
}
