// Values as readable JSON.

import { copy } from "./dialogs.js";
import { el, iconButton } from "./dom.js";
import { t } from "./i18n.js";

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi;

/** A block with colours and a button to copy it. */
export function jsonBlock(value) {
  const text = JSON.stringify(value, null, 2) ?? "null";
  const button = iconButton("copy", t("copy"), () => copy(text));
  button.classList.add("copy");
  return el("div.json", {}, button, el("pre", { tabIndex: 0, dir: "ltr" }, coloured(text)));
}

function coloured(text) {
  const out = document.createDocumentFragment();
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    const [whole, string, colon, word] = found;
    out.append(text.slice(at, found.index));
    const kind = string ? (colon ? "key" : "string") : word ? "word" : "number";
    out.append(el(`span.${kind}`, {}, string ?? whole), colon ?? "");
    at = found.index + whole.length;
  }
  out.append(text.slice(at));
  return out;
}
