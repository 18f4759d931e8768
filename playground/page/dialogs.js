// Toasts, dialogs, the menu at the pointer and the viewer of pictures.

import { $, el, icon, iconButton } from "./dom.js";
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

/** A form's values by name; those whose name ends in [] are lists. */
function values(form) {
  const given = {};
  for (const [name, value] of new FormData(form)) {
    if (name.endsWith("[]")) (given[name.slice(0, -2)] ??= []).push(value);
    else given[name] = value;
  }
  return given;
}

/** A dialog with fields and buttons; resolves to the form's values, or null. */
export function ask(title, content, { submit = t("ok"), cancel = true, kind = "" } = {}) {
  const dialog = $("dialog");
  return new Promise((resolve) => {
    const form = el("form", { method: "dialog" },
      title && el("h3", { id: "dialog-title" }, title),
      ...content,
      el("div.buttons", {},
        cancel && el("button.plain", { type: "button", onclick: () => dialog.close("") }, t("cancel")),
        el("button.strong", { value: "ok" }, submit)));
    dialog.className = kind;
    dialog.toggleAttribute("aria-labelledby", false);
    if (title) dialog.setAttribute("aria-labelledby", "dialog-title");
    dialog.replaceChildren(form);
    dialog.returnValue = "";
    dialog.onclose = () => resolve(dialog.returnValue === "ok" ? values(form) : null);
    dialog.onmousedown = (event) => {
      if (event.target === dialog) dialog.close("");
    };
    dialog.showModal();
    form.querySelector("[autofocus], input:not([type=checkbox], [type=radio]), textarea, select, .strong")?.focus();
  });
}

export const alertBox = (text) => ask("", [el("p.alert", { dir: "auto" }, text)], { cancel: false });

export const confirmed = (text, submit) => ask("", [el("p.alert", { dir: "auto" }, text)], { submit });

export function field(label, control) {
  return el("label.field", {}, el("span", {}, label), control);
}

export const input = (name, props = {}) => el("input", { name, autocomplete: "off", dir: "auto", ...props });

export function choice(name, options, chosen) {
  const select = el("select", { name });
  for (const [value, text] of Object.entries(options)) {
    select.append(el("option", { value, selected: value === chosen }, text));
  }
  return select;
}

export const check = (name, label, checked = false, value = "on") =>
  el("label.check", {}, el("input", { type: "checkbox", name, value, checked }), el("span", {}, label));

/** Boxes to choose some of a list: entries are [value, label, checked]. */
export function checks(label, name, entries) {
  return el("fieldset.checks", {}, el("legend", {}, label),
    ...entries.map(([value, text, checked]) => check(`${name}[]`, text, checked, value)));
}

let opener = null;

/** A menu at a point: entries are [icon, text, action, class], or an element. */
export function popup(x, y, entries) {
  const menu = $("popup");
  opener = document.activeElement;
  menu.replaceChildren(...entries.filter(Boolean).map((entry) => {
    if (entry instanceof Node) return entry;
    const [name, text, action, kind] = entry;
    return el(`button${kind ? `.${kind}` : ""}`, { type: "button", role: "menuitem", onclick: () => {
      closePopup();
      action();
    } }, icon(name), text);
  }));
  menu.hidden = false;
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(y, innerHeight - height - 8))}px`;
  menu.querySelector("button")?.focus({ preventScroll: true });
}

/** A menu below a button, or above one that is far down. */
export function menuAt(button, entries) {
  const { left, top, bottom } = button.getBoundingClientRect();
  popup(left, bottom + 6, entries);
  const { height } = $("popup").getBoundingClientRect();
  if (bottom + 6 + height > innerHeight) $("popup").style.top = `${Math.max(8, top - height - 6)}px`;
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
  const buttons = [...menu.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (event.key === "Escape" || event.key === "Tab") {
    closePopup();
    opener?.focus?.();
  } else if (step) {
    buttons.at((at + step) % buttons.length)?.focus();
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}, true);

/** Show a picture of the chat large; with the arrow keys one goes on to the others. */
export function view(image) {
  const viewer = $("viewer");
  const all = [...document.querySelectorAll("#messages img[data-large]")];
  const show = (index) => {
    const shown = all.at(index % all.length);
    const others = all.length > 1;
    viewer.replaceChildren(...[
      el("img", { src: shown.dataset.large, alt: shown.alt }),
      iconButton("close", t("close"), () => viewer.close()),
      others && iconButton("back", t("previous"), () => show(index - 1)),
      others && iconButton("next", t("next"), () => show(index + 1)),
    ].filter(Boolean));
    viewer.onkeydown = ({ key }) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (step && others) show(index + step);
    };
  };
  viewer.onclick = (event) => event.target.closest("button") || viewer.close();
  show(all.indexOf(image));
  if (!viewer.open) viewer.showModal();
}
