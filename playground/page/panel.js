// The panel at the side: the chat, where a message comes from, the log of calls, faults and limits.

import { call, get } from "./api.js";
import { drawInfo } from "./info.js";
import { $, debounce, el, exactTime, fullTime, icon, number } from "./dom.js";
import { t } from "./i18n.js";
import { jsonBlock } from "./json.js";
import { drawRules } from "./rules.js";
import { act, app } from "./state.js";

const TABS = ["info", "source", "calls", "rules"];
const KEPT = 300; // calls that are listed
const EVERY = 1000; // ms between looks at the log

export class Panel {
  #tab = "info";
  #message = 0; // whose source is shown
  #calls = [];
  #last = 0;
  #open = new Set(); // calls whose details are shown
  #filter = "";
  #errors = false;
  #go;
  #again = debounce(250, () => this.#draw());

  constructor(go) {
    this.#go = go;
    for (const tab of $("panel").querySelectorAll("[role=tab]")) {
      tab.addEventListener("click", () => this.show(tab.dataset.tab));
      tab.addEventListener("keydown", (event) => this.#key(event));
    }
    $("panel-close").addEventListener("click", () => this.close());
    $("panel-toggle").addEventListener("click", () => (this.isOpen ? this.close() : this.show()));
    $("panel").addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    setInterval(() => this.isOpen && this.#tab === "calls" && !document.hidden && this.#loadCalls(), EVERY);
  }

  get isOpen() {
    return !$("panel").hidden;
  }

  show(tab = this.#tab) {
    this.#tab = tab;
    $("panel").hidden = false;
    $("panel-toggle").setAttribute("aria-expanded", "true");
    for (const button of $("panel").querySelectorAll("[role=tab]")) {
      const chosen = button.dataset.tab === tab;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
    $("panel-body").setAttribute("aria-labelledby", `tab-${tab}`);
    $("panel-body").scrollTop = 0;
    return this.#draw();
  }

  close() {
    $("panel").hidden = true;
    $("panel-toggle").setAttribute("aria-expanded", "false");
    $("text").focus();
  }

  #key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = TABS.at((TABS.indexOf(this.#tab) + step) % TABS.length);
    this.show(next);
    $(`tab-${next}`).focus();
  }

  /** Show where a message comes from. */
  source(id) {
    this.#message = id;
    this.show("source");
  }

  /** Something changed in the chat: look again soon. */
  touch(message) {
    if (!this.isOpen) return;
    if (this.#tab === "source" && message?.message_id === this.#message) this.#again();
    if (this.#tab === "info" && !message && !$("panel").contains(document.activeElement)) this.#again();
  }

  async #draw() {
    const body = $("panel-body");
    if (this.#tab === "calls") {
      body.replaceChildren(...this.#callsFrame());
      this.#last = 0;
      this.#calls = [];
      return this.#loadCalls();
    }
    if (this.#tab === "info") return body.replaceChildren(...await drawInfo(this.#go));
    if (this.#tab === "rules") return body.replaceChildren(...await drawRules(() => this.#draw()));
    body.replaceChildren(...await this.#drawSource());
  }

  // Where a message comes from

  async #drawSource() {
    if (!this.#message) return [el("p.hint", {}, t("source_hint"))];
    const { updates, calls, versions } = await act("GET", `messages/${this.#message}/history`);
    const sections = [el("h3", {}, t("message_number", { n: String(this.#message) }))];
    if (versions.length > 1) sections.push(el("h4", {}, t("versions")), timeline(versions));
    if (updates.length) {
      sections.push(el("h4", {}, t("updates")), ...updates.map(({ bot, waiting, body }) => {
        const kind = Object.keys(body).find((key) => key !== "update_id");
        const state = waiting ? el("span.state.wait", {}, t("waiting")) : el("span.state.good", {}, t("delivered"));
        return el("details.call", {}, el("summary", {}, icon("chevron"), el("b", {}, kind), el("span", {}, `@${bot} · ${body.update_id}`), state), jsonBlock(body));
      }));
    }
    if (calls.length) sections.push(el("h4", {}, t("calls")), ...calls.map((one) => this.#call(one)));
    if (!updates.length && !calls.length) sections.push(el("p.hint", {}, t("no_source")));
    if (versions.length) sections.push(el("h4", {}, t("as_json")), el("details.call", {}, el("summary", {}, icon("chevron"), el("b", {}, "Message")), jsonBlock(versions.at(-1))));
    sections.find((node) => node.matches("details"))?.setAttribute("open", "");
    return sections;
  }

  // The log of calls

  #callsFrame() {
    const filter = el("input", { type: "search", placeholder: t("filter_calls"), value: this.#filter, "aria-label": t("filter_calls"), oninput: () => {
      this.#filter = filter.value.trim().toLowerCase();
      this.#list();
    } });
    const errors = el("label.check", {}, el("input", { type: "checkbox", checked: this.#errors, onchange: (event) => {
      this.#errors = event.target.checked;
      this.#list();
    } }), el("span", {}, t("errors_only")));
    const clear = el("button.link", { type: "button", onclick: async () => {
      await call("DELETE", "calls");
      this.#calls = [];
      this.#list();
    } }, t("clear"));
    return [el("div.tools", {}, filter, el("div.line-of", {}, errors, clear)), el("p.count", { id: "call-count" }), el("div", { id: "call-list" })];
  }

  async #loadCalls() {
    const found = await get("calls", this.#last ? { after: this.#last } : { latest: KEPT });
    const fresh = found.calls.filter((one) => one.seq > this.#last);
    if (this.#tab !== "calls" || !$("call-count")) return;
    const failed = Object.values(found.errors).reduce((sum, count) => sum + count, 0);
    const all = Object.values(found.counts).reduce((sum, count) => sum + count, 0);
    $("call-count").textContent = `${t("calls_counted", { n: all, count: number(all) })}${failed ? ` · ${t("calls_failed", { n: failed, count: number(failed) })}` : ""}`;
    if (!fresh.length && this.#last) return;
    this.#last = fresh.at(-1)?.seq ?? this.#last;
    this.#calls = [...this.#calls, ...fresh].slice(-KEPT);
    this.#list();
  }

  #list() {
    const fits = (one) => (!this.#errors || one.error) && (!this.#filter || `${one.method} ${one.error} ${JSON.stringify(one.params)}`.toLowerCase().includes(this.#filter));
    const rows = this.#calls.filter(fits).reverse().map((one) => this.#call(one));
    $("call-list").replaceChildren(...(rows.length ? rows : [el("p.hint", {}, t(this.#calls.length ? "no_call_fits" : "no_calls"))]));
  }

  #call(one) {
    const state = el("span.state", {}, one.status ? String(one.status) : t("broken"));
    state.classList.add(one.error ? "bad" : "good");
    const node = el("details.call", { open: this.#open.has(one.seq) },
      el("summary", {}, icon("chevron"), el("b", {}, one.method), el("span", { title: fullTime(one.at) }, `${exactTime(one.at)} · ${t("ms", { n: number(one.ms, { maximumFractionDigits: one.ms < 10 ? 1 : 0 }) })}`), state));
    if (one.error) node.classList.add("failed");
    if (app.bots.length > 1) node.querySelector("summary span").append(` · @${one.bot}`);
    const fill = () => {
      if (node.children.length > 1) return;
      node.append(el("h5", {}, t("parameters")), jsonBlock(one.params), el("h5", {}, t(one.error ? "error" : "answer")),
        one.error ? el("p.error", {}, one.error) : jsonBlock(one.result));
    };
    if (node.open) fill();
    node.addEventListener("toggle", () => {
      if (node.open) this.#open.add(one.seq);
      else this.#open.delete(one.seq);
      fill();
    });
    return node;
  }
}

/** How a message looked, one version after the other. */
function timeline(versions) {
  return el("ol.timeline", {}, ...versions.map((message, index) => {
    const keyboard = message.reply_markup?.inline_keyboard?.flat().map((button) => `[${button.text}]`).join(" ");
    return el("li", {}, el("time", {}, exactTime(message.edit_date ?? message.date).replace(/[.,]\d+$/, "")),
      el("span", {}, index ? t("edited") : t("sent")),
      el("p", { dir: "auto" }, message.text ?? message.caption ?? ""), keyboard ? el("p.keys", {}, keyboard) : null);
  }));
}
