// Toasts, dialogs, the menu at the pointer and the viewer of pictures.

import { $, el, icon } from "./dom.js";
import { t } from "./i18n.js";

export function toast(text, kind = "") {
  const node = el("div.toast", {}, text);
  if (kind) node.classList.add(kind);
  $("toasts").append(node);
  setTimeout(() => node.classList.add("gone"), 2800 + text.length * 30);
  node.addEventListener("transitionend", () => node.classList.contains("gone") && node.remove());
}

export async function copy(text) {
  await navigator.clipboard?.writeText(text).catch(() => {});
  toast(t("copied"));
}

/** A dialog with fields and buttons; resolves to the form's values, or null. */
export function ask(title, content, { submit = t("ok"), cancel = true } = {}) {
  const dialog = $("dialog");
  return new Promise((resolve) => {
    const form = el("form", { method: "dialog" },
      title && el("h3", {}, title),
      ...content,
      el("div.buttons", {},
        cancel && el("button.plain", { type: "button", onclick: () => dialog.close("") }, t("cancel")),
        el("button.strong", { value: "ok" }, submit)));
    dialog.replaceChildren(form);
    dialog.returnValue = "";
    dialog.onclose = () => resolve(dialog.returnValue === "ok" ? Object.fromEntries(new FormData(form)) : null);
    dialog.onclick = (event) => {
      if (event.target === dialog) dialog.close("");
    };
    dialog.showModal();
    form.querySelector("input, textarea, select, .strong")?.focus();
  });
}

export const alertBox = (text) => ask("", [el("p.alert", {}, text)], { cancel: false });

export function field(label, control) {
  return el("label.field", {}, el("span", {}, label), control);
}

export function choice(name, options, chosen) {
  const select = el("select", { name });
  for (const [value, text] of Object.entries(options)) {
    select.append(el("option", { value, selected: value === chosen }, text));
  }
  return select;
}

/** A menu at a point: entries are [icon, text, action, class]. */
export function popup(x, y, entries) {
  const menu = $("popup");
  menu.replaceChildren(...entries.filter(Boolean).map(([name, text, action, kind]) =>
    el(`button${kind ? `.${kind}` : ""}`, { role: "menuitem", onclick: () => {
      closePopup();
      action();
    } }, icon(name), text)));
  menu.hidden = false;
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(y, innerHeight - height - 8))}px`;
  menu.firstElementChild?.focus({ preventScroll: true });
}

export function closePopup() {
  $("popup").hidden = true;
}

document.addEventListener("pointerdown", (event) => {
  if (!$("popup").contains(event.target)) closePopup();
});
document.addEventListener("keydown", (event) => {
  const menu = $("popup");
  if (menu.hidden) return;
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  if (event.key === "Escape") closePopup();
  else if (step) document.activeElement[step]?.focus();
  else return;
  event.preventDefault();
});

export function view(url) {
  const viewer = $("viewer");
  viewer.replaceChildren(el("img", { src: url, alt: "" }));
  viewer.onclick = () => viewer.close();
  viewer.showModal();
}
