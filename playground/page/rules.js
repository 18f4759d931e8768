// Faults, limits, webhook and waiting updates: what a bot can be put through.

import { call, get } from "./api.js";
import { choice, field, input } from "./dialogs.js";
import { el, fullTime, icon, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { app } from "./state.js";

const STORMS = [
  ["storm_429", { kind: "429", times: 20, retry_after: 3 }],
  ["storm_slow", { kind: "delay", times: 20, seconds: 2 }],
  ["storm_500", { kind: "error", times: 5, code: 500, description: "Internal Server Error" }],
  ["storm_reset", { kind: "reset", times: 3 }],
  ["storm_unsure", { kind: "reset_after", times: 3 }],
];
const KINDS = ["429", "error", "delay", "hang", "reset", "reset_after"];
const LIMITS = { per_second: 30, per_chat_per_second: 1, per_group_per_minute: 20, retry_after: 3 };

/** The panel's content; `again` draws it anew. */
export async function drawRules(again) {
  const [faults, limits, webhook, updates] = await Promise.all([get("faults"), get("limits"), get(`bots/${app.bot.username}/webhook`), get("updates")]);
  const doing = (act) => async () => {
    await act();
    await again();
  };
  return [
    el("h4", {}, t("faults")),
    el("p.hint", {}, t("faults_hint")),
    el("div.storms", {}, ...STORMS.map(([name, fault]) => el("button.chip", { type: "button", onclick: doing(() => call("POST", "faults", { method: "*", ...fault })) }, t(name)))),
    ownFault(doing),
    ...(faults.length ? [el("ul.faults", {}, ...faults.map(faultRow)), el("button.link", { type: "button", onclick: doing(() => call("DELETE", "faults")) }, t("clear_faults"))] : []),
    el("h4", {}, t("limits")),
    limitSwitch(limits, doing),
    el("h4.with-button", {}, t("delivery"), iconButton("again", t("refresh"), again)),
    ...delivery(webhook, updates, doing),
  ];
}

function faultRow(fault) {
  const details = { 429: `retry_after ${fault.retry_after}`, error: `${fault.code} ${fault.description}`, delay: `${fault.seconds} s`, hang: `${fault.seconds} s` }[fault.kind] ?? "";
  return el("li", {}, el("b", {}, fault.kind), el("span", {}, [fault.method === "*" ? t("all_methods") : fault.method, details].filter(Boolean).join(" · ")),
    el("span.state.wait", {}, `${fault.times - fault.used}×`));
}

function ownFault(doing) {
  const kind = choice("kind", Object.fromEntries(KINDS.map((name) => [name, t(`fault_${name}`)])), "429");
  const method = input("method", { placeholder: "sendMessage", dir: "ltr" });
  const number = (name, value, max) => input(name, { type: "number", min: 0, max, value: String(value), step: "any" });
  const times = number("times", 1, 100_000);
  const seconds = number("seconds", 3, 600);
  const code = number("code", 500, 599);
  const secondsField = field(t("seconds"), seconds);
  const codeField = field(t("code"), code);
  const show = () => {
    secondsField.hidden = !["429", "delay", "hang"].includes(kind.value);
    codeField.hidden = kind.value !== "error";
  };
  kind.addEventListener("change", show);
  show();
  const form = el("form.own-fault", { onsubmit: (event) => {
    event.preventDefault();
    const fault = { kind: kind.value, method: method.value.trim() || "*", times: Number(times.value) };
    if (kind.value === "429") fault.retry_after = Math.ceil(Number(seconds.value));
    if (["delay", "hang"].includes(kind.value)) fault.seconds = Number(seconds.value);
    if (kind.value === "error") fault.code = Number(code.value);
    doing(() => call("POST", "faults", fault))();
  } }, field(t("what_happens"), kind), field(t("method"), method),
  el("div.pair", {}, field(t("times"), times), secondsField, codeField), el("button.strong", {}, t("add_fault")));
  return el("details.call", {}, el("summary.plain-summary", {}, icon("chevron"), t("own_fault")), form);
}

function limitSwitch(limits, doing) {
  const on = Boolean(limits.per_second || limits.per_chat_per_second || limits.per_group_per_minute);
  const box = el("input", { type: "checkbox", role: "switch", checked: on, onchange: doing(() => call("PUT", "limits", on ? {} : LIMITS)) });
  return el("div", {}, el("label.switch-row", {}, el("span", {}, el("b", {}, t("telegrams_limits")), el("small", {}, t("limits_hint"))), box),
    on ? el("p.hint", {}, t("refused", { n: limits.refused, during: String(limits.during_ban) })) : null);
}

function delivery(webhook, updates, doing) {
  const rows = [[t("way"), webhook.url ? t("by_webhook") : app.bot.online ? t("by_polling") : t("away")]];
  if (webhook.url) rows.push([t("address"), webhook.url]);
  if (webhook.max_connections) rows.push([t("connections"), String(webhook.max_connections)]);
  if (webhook.last_error_message) rows.push([t("last_error"), `${webhook.last_error_message} (${fullTime(webhook.last_error_date)})`, "bad"]);
  rows.push([t("updates_waiting"), String(updates.count)]);
  const list = el("dl.facts", {}, ...rows.flatMap(([name, value, kind]) => [el("dt", {}, name), el(kind ? `dd.${kind}` : "dd", {}, value)]));
  return [
    list,
    updates.count ? el("button.link", { type: "button", onclick: doing(() => call("DELETE", "updates")) }, t("drop_updates")) : null,
  ].filter(Boolean);
}
