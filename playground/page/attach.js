// Files and other things that one sends: dropped, pasted, chosen, recorded.

import { upload } from "./api.js";
import { ask, menuAt, toast, field } from "./dialogs.js";
import { $, el, icon, iconButton, duration, size } from "./dom.js";
import { askLocation } from "./keyboard.js";
import { fileIcon } from "./media.js";
import { pollBody, pollFields } from "./polls.js";
import { t } from "./i18n.js";
import { act, place } from "./state.js";

const CAPTION_LIMIT = 1024;
const BOT_LIMIT = 20 << 20;
const ALBUM = 10;
const DICE = ["🎲", "🎯", "🏀", "⚽", "🎳", "🎰"];
const QUICK = [
  ["frame", /^(image\/(jpeg|png|webp|bmp)|video\/(mp4|quicktime))$/],
  ["animation", /^image\/gif$/],
  ["audio", /^audio\/(mpeg|mp4|x-m4a|flac|x-flac)$/],
];

export class Attachments {
  #view;

  constructor(view) {
    this.#view = view;
    $("attach").addEventListener("click", (event) => this.#menu(event.currentTarget));
    $("file").addEventListener("change", () => {
      this.#offer([...$("file").files], $("file").dataset.as ?? "auto");
      $("file").value = "";
    });
    $("text").addEventListener("paste", (event) => {
      const files = [...event.clipboardData.files];
      if (!files.length) return;
      event.preventDefault();
      this.#offer(files, "auto");
    });
    this.#watchDrops();
  }

  #menu(button) {
    const choose = (as, accept) => {
      Object.assign($("file"), { accept });
      $("file").dataset.as = as;
      $("file").click();
    };
    menuAt(button, [
      ["image", t("photo_or_video"), () => choose("auto", "image/*,video/*")],
      ["file", t("document"), () => choose("document", "")],
      ["poll", t("poll"), () => this.#poll()],
      ["place", t("location"), async () => this.#thing("location", await askLocation())],
      ["person", t("my_contact"), () => this.#thing("contact", true)],
      el("div.faces", { role: "group", "aria-label": t("dice") }, ...DICE.map((sign) =>
        el("button", { type: "button", role: "menuitem", title: t("dice"), onclick: () => {
          $("popup").hidden = true;
          this.#thing("dice", sign);
        } }, sign))),
    ]);
  }

  async #poll() {
    const given = await ask(t("new_poll"), pollFields(), { submit: t("send"), kind: "wide" });
    if (given) this.#thing("poll", pollBody(given));
  }

  #thing(name, value) {
    if (!value) return;
    const at = place();
    const body = { [name]: value, reply_to: this.#view.reply(), ...(at.thread ? { thread: at.thread } : {}) };
    this.#view.sent();
    this.#view.enqueue(() => act("POST", "messages", body, {}, at).catch(failed));
  }

  #watchDrops() {
    let depth = 0;
    const drop = $("drop");
    const hasFiles = (event) => [...event.dataTransfer.types].includes("Files");
    const hide = () => {
      depth = 0;
      drop.hidden = true;
    };
    addEventListener("dragenter", (event) => {
      if (!hasFiles(event) || !this.#view.ready()) return;
      depth += 1;
      const kinds = [...event.dataTransfer.items].map((item) => item.type);
      drop.classList.toggle("pictures", kinds.some((kind) => /^(image|video)\//.test(kind)));
      drop.hidden = false;
    });
    addEventListener("dragleave", () => {
      depth -= 1;
      if (depth <= 0) hide();
    });
    addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      const zone = event.target.closest(".zone");
      for (const other of drop.children) other.classList.toggle("over", other === zone);
    });
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      const as = event.target.closest(".zone")?.dataset.as ?? "document";
      hide();
      this.#offer([...event.dataTransfer.files], as);
    });
  }

  /** Show what is about to be sent, with a caption, and send it. */
  async #offer(files, as) {
    if (!files.length || !this.#view.ready()) return;
    const quick = files.some((file) => QUICK.some(([, fits]) => fits.test(file.type)));
    const caption = el("textarea", { name: "caption", rows: 1, placeholder: t("caption"), maxLength: CAPTION_LIMIT, value: this.#view.caption(), dir: "auto", autofocus: true, "aria-label": t("caption") });
    caption.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      caption.form.requestSubmit(caption.form.querySelector(".strong"));
    });
    const list = el("div.files");
    const title = el("span", {}, t("send_files", { n: files.length }));
    const draw = () => {
      title.textContent = t("send_files", { n: files.length });
      list.replaceChildren(...files.map((file) => el("div.file", {}, thumbnail(file),
        el("span.line", {}, el("b", { dir: "auto" }, file.name), el("span", {}, size(file.size))),
        files.length > 1 ? iconButton("close", t("remove"), () => {
          files = files.filter((other) => other !== file);
          draw();
        }) : null)));
    };
    draw();
    const given = await ask(title, [
      list,
      files.some((file) => file.size > BOT_LIMIT) ? el("p.note", {}, t("too_big")) : null,
      quick ? ways(as) : null,
      files.length > 1 ? el("label.check", {}, el("input", { type: "checkbox", name: "together", checked: true }), el("span", {}, t("as_album"))) : null,
      field(t("caption"), caption),
    ].filter(Boolean), { submit: t("send") });
    for (const image of document.querySelectorAll("#dialog img")) URL.revokeObjectURL(image.src);
    if (!given) return;
    const reply = this.#view.reply();
    this.#view.sent();
    const sent = quick && given.as === "auto" ? "auto" : "document";
    const bundles = given.together ? albums(files, sent) : files.map((file) => [file]);
    bundles.forEach((bundle, index) => this.#upload(bundle, { as: sent, caption: index ? "" : given.caption, reply_to: reply }));
  }

  /** Send a voice message. */
  voice(file, seconds) {
    this.#upload([file], { as: "voice", caption: "", reply_to: this.#view.reply() }, `${t("voice")} ${duration(seconds)}`);
    this.#view.sent();
  }

  #upload(files, fields, title = "") {
    const at = place();
    const form = new FormData();
    for (const [key, value] of Object.entries({ ...fields, ...(at.thread ? { thread: at.thread } : {}) })) form.append(key, value);
    files.forEach((file, index) => form.append(files.length > 1 ? `file${index}` : "file", file));
    const path = `users/${at.user}/${files.length > 1 ? "albums" : "messages"}`;
    const ring = el("button.progress", { type: "button", title: t("cancel"), "aria-label": t("cancel") }, icon("close"));
    const name = title || (files.length > 1 ? t("files", { n: files.length }) : files[0].name);
    const bytes = files.reduce((sum, file) => sum + file.size, 0);
    const item = el("li.message.own.pending", {}, el("div.side", {}, el("div.bubble", {},
      el("div.file", {}, ring, el("span.line", {}, el("b", { dir: "auto" }, name), el("span", {}, size(bytes)))))));
    this.#view.pending(item);
    this.#view.enqueue(() => {
      const sending = upload(path, form, at.chat ? { chat: at.chat } : {}, (part) => ring.style.setProperty("--part", String(part)));
      ring.addEventListener("click", sending.abort);
      return sending.done.catch(failed).finally(() => item.remove());
    });
  }
}

function failed(error) {
  if (error.message !== "aborted") toast(t("failed", { reason: error.message }), "bad");
}

/** As photo or as file. */
function ways(as) {
  const way = (value, label, name) => el("label", {}, el("input", { type: "radio", name: "as", value, checked: (as === "document") === (value === "document") }),
    icon(name), el("span", {}, label));
  return el("div.ways", { role: "radiogroup", "aria-label": t("send_as") }, way("auto", t("as_photos"), "image"), way("document", t("as_files"), "file"));
}

/** Files that can go together, in their order: pictures with videos, documents, music. */
function albums(files, as) {
  const bundles = new Map();
  const result = [];
  for (const file of files) {
    const kind = as === "document" ? "document" : QUICK.find(([, fits]) => fits.test(file.type))?.[0] ?? "document";
    const bundle = bundles.get(kind);
    if (kind !== "animation" && bundle && bundle.length < ALBUM) {
      bundle.push(file);
    } else {
      bundles.set(kind, [file]);
      result.push(bundles.get(kind));
    }
  }
  return result;
}

function thumbnail(file) {
  if (!file.type.startsWith("image/")) return fileIcon(file.name);
  return el("img.thumb", { src: URL.createObjectURL(file), alt: "" });
}
