// Inline mode: what a bot offers while one types `@bot words`.

import { fileUrl } from "./api.js";
import { fileIcon } from "./media.js";
import { toast } from "./dialogs.js";
import { $, colorOf, debounce, duration, el, icon, openLink } from "./dom.js";
import { t } from "./i18n.js";
import { act, app, place } from "./state.js";

const TYPED = /^@(\w{3,32})\s([\s\S]*)$/;
const TILES = ["photo", "gif", "mpeg4_gif", "sticker"];
const ICONS = { location: "place", venue: "place", contact: "person", audio: "play", voice: "mic", video: "play", article: "file" };

export class InlineResults {
  #sent; // called when a result was chosen
  #say;
  #asked = ""; // what was asked last, so that late answers are dropped
  #results = []; // { query, result }
  #next = "";
  #at = 0;
  #ask = debounce(250, (bot, words, asked) => this.#load(bot, words, "", asked));
  #bot = "";
  #words = "";

  constructor({ sent, say }) {
    this.#sent = sent;
    this.#say = say;
    $("results").addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  get open() {
    return !$("results").hidden;
  }

  /** The bot that a text asks, or null. */
  botOf(text) {
    const found = TYPED.exec(text);
    return found && app.bots.find((bot) => bot.supports_inline && bot.username.toLowerCase() === found[1].toLowerCase());
  }

  typed(text) {
    const bot = this.botOf(text);
    if (!bot) return this.close();
    this.#bot = bot.username;
    this.#words = TYPED.exec(text)[2];
    const asked = `${place().user} ${place().chat} ${bot.username} ${this.#words}`;
    if (asked === this.#asked) return;
    this.#asked = asked;
    $("composer").classList.add("asking");
    this.#ask(bot.username, this.#words, asked);
  }

  close() {
    this.#asked = "";
    $("results").hidden = true;
    $("composer").classList.remove("asking");
  }

  async #load(bot, query, offset, asked) {
    if (asked !== this.#asked) return;
    const found = await act("POST", "inline", { query, offset, via: bot, wait: 15 }).catch((error) => ({ error }));
    if (asked !== this.#asked) return;
    $("composer").classList.remove("asking");
    if (found.error) return toast(found.error.message, "bad");
    if (!found.answer) return this.#tell(t("no_inline_answer"));
    const fresh = found.answer.results.map((result) => ({ query: found.query_id, result }));
    this.#results = offset ? [...this.#results, ...fresh] : fresh;
    this.#next = found.answer.next_offset;
    if (!offset) this.#at = 0;
    this.#draw(offset ? null : found.answer.button);
  }

  #tell(words) {
    $("results").hidden = false;
    $("results").className = "menu results";
    $("results").replaceChildren(el("p.nothing", {}, words));
  }

  #draw(button) {
    const box = $("results");
    const known = box.querySelector(".switch");
    const tiles = this.#results.length > 0 && this.#results.every(({ result }) => TILES.includes(result.type));
    if (!this.#results.length && !button) return this.#tell(t("nothing_found"));
    box.hidden = false;
    box.className = tiles ? "menu results tiles" : "menu results";
    const entries = this.#results.map((entry, index) => {
      const node = tiles ? tile(entry.result) : line(entry.result);
      node.setAttribute("role", "option");
      node.id = `result-${index}`;
      node.setAttribute("aria-selected", String(index === this.#at));
      node.addEventListener("click", () => this.#choose(index));
      return node;
    });
    const top = button ? this.#switch(button) : known;
    box.replaceChildren(...[top, ...entries].filter(Boolean));
  }

  #switch(button) {
    return el("button.switch", { type: "button", onclick: () => {
      this.close();
      if (button.web_app) openLink(button.web_app.url);
      else this.#say(`/start ${button.start_parameter}`, { private: true });
    } }, button.text);
  }

  key(event) {
    if (!this.open || !this.#results.length) {
      if (event.key === "Escape" && this.open) this.close();
      else return false;
      event.preventDefault();
      return true;
    }
    const columns = $("results").classList.contains("tiles") ? { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.#columns(), ArrowUp: -this.#columns() } : { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in columns) this.#go(columns[event.key]);
    else if (event.key === "Enter" && !event.shiftKey) this.#choose(this.#at);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    return true;
  }

  #columns() {
    const [first, ...others] = $("results").querySelectorAll("[role=option]");
    const next = others.findIndex((node) => node.offsetTop > first.offsetTop);
    return next < 0 ? others.length + 1 : next + 1;
  }

  #go(step) {
    const nodes = $("results").querySelectorAll("[role=option]");
    this.#at = Math.max(0, Math.min(this.#at + step, nodes.length - 1));
    nodes.forEach((node, index) => node.setAttribute("aria-selected", String(index === this.#at)));
    nodes[this.#at].scrollIntoView({ block: "nearest" });
    $("text").setAttribute("aria-activedescendant", nodes[this.#at].id);
    if (this.#at >= nodes.length - 3) this.#more();
  }

  #scrolled() {
    const box = $("results");
    if (box.scrollTop + box.clientHeight > box.scrollHeight - 120) this.#more();
  }

  #more() {
    const offset = this.#next;
    if (!offset) return;
    this.#next = "";
    this.#load(this.#bot, this.#words, offset, this.#asked);
  }

  async #choose(index) {
    const { query, result } = this.#results[index];
    const body = { query_id: query, result_id: result.id, thread: app.thread ?? 0 };
    const sending = act("POST", "choices", body);
    this.close();
    this.#sent();
    await sending.catch((error) => toast(t("failed", { reason: error.message }), "bad"));
  }
}

/** The picture of a result as far as it is on this machine: the page loads nothing from the web. */
function picture(result) {
  const id = result.photo_file_id ?? result.gif_file_id ?? result.mpeg4_file_id ?? result.sticker_file_id;
  if (!id) return null;
  if (result.type === "mpeg4_gif") return el("video", { src: fileUrl(id), muted: true, autoplay: true, loop: true });
  return el("img", { src: fileUrl(id), alt: result.title ?? "", loading: "lazy" });
}

function tile(result) {
  const shown = picture(result);
  const node = el("button.tile", { type: "button", title: result.title ?? result.description ?? "" });
  node.append(shown ?? el("span.blank", { data: { color: colorOf(result.id.length) } }, icon("image"), result.title ?? ""));
  return node;
}

function line(result) {
  const name = result.title ?? result.first_name ?? result.caption ?? t(result.type);
  const seconds = result.audio_duration ?? result.voice_duration ?? result.video_duration;
  const about = result.description ?? result.performer ?? result.address ?? result.phone_number ?? (seconds ? duration(seconds) : "");
  return el("button.result-line", { type: "button" }, sign(result, name),
    el("span.line", {}, el("b", { dir: "auto" }, name), el("span", { dir: "auto" }, about)));
}

function sign(result, name) {
  const shown = picture(result);
  if (shown) return el("span.thumb-box", {}, shown);
  if (result.type === "document") return fileIcon(name);
  const box = el("span.file-icon", {}, result.type === "article" ? [...name.trim()][0]?.toUpperCase() ?? "" : icon(ICONS[result.type] ?? "file"));
  box.dataset.family = ["word", "sheet", "slides", "image"][name.length % 4];
  return box;
}
