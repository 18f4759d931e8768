// Texts of the page. Every language has the same keys; tests compare them.

import { en } from "./en.js";
import { es } from "./es.js";
import { ru } from "./ru.js";

export const LANGUAGES = { en: "English", ru: "Русский", es: "Español" };

export const TEXTS = { en, ru, es };

export let language = chosen();

function chosen() {
  const saved = localStorage.getItem("language");
  const wanted = [saved, ...navigator.languages].map((tag) => tag?.slice(0, 2).toLowerCase());
  return wanted.find((tag) => tag in TEXTS) ?? "en";
}

export function setLanguage(tag) {
  language = tag;
  localStorage.setItem("language", tag);
  translate();
}

/** A text in the page's language; `n` chooses the plural form. */
export function t(key, values = {}) {
  let text = TEXTS[language][key] ?? TEXTS.en[key];
  if (text && typeof text === "object" && !Array.isArray(text)) {
    text = text[new Intl.PluralRules(language).select(values.n)] ?? text.other;
  }
  if (typeof text !== "string") return text;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Fill the texts that index.html only names. */
export function translate(root = document) {
  document.documentElement.lang = language;
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-tip]")) {
    node.title = t(node.dataset.tip);
    node.setAttribute("aria-label", node.title);
  }
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
}
