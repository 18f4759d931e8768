// The left column: who one is, and the chats of this person.

import { call } from "./api.js";
import { preview } from "./bubbles.js";
import { ask, check, checks, choice, field, input, menuAt, popup } from "./dialogs.js";
import { $, el, fullName, icon, paintAvatar, time } from "./dom.js";
import { language, t } from "./i18n.js";
import { isService } from "./service.js";
import { app, isIn, isOwn, loadState, sender, unread } from "./state.js";

const CLIENT_LANGUAGES = ["en", "ru", "es", "de", "fr", "it", "pt", "uk", "pl", "tr", "ar", "fa", "he", "hi", "ja", "zh"];
const KIND_ICONS = { group: "group", supergroup: "group", channel: "channel" };

/** `go` has `person(person)` and `chat(chat or null)`. */
export function drawSidebar(go) {
  drawPeople(go);
  drawChats(go);
}

function drawPeople(go) {
  const strip = $("users");
  const focused = strip.contains(document.activeElement) ? document.activeElement.dataset.person : null;
  strip.replaceChildren(...app.people.map((person) => {
    const current = person.id === app.me?.id;
    const waiting = current ? 0 : unread(person, null);
    const button = el("button.user", { type: "button", title: fullName(person), data: { person: person.id } },
      el("span.face", {}, paintAvatar(el("span.avatar"), person.id, fullName(person)),
        el("span.lang", {}, person.language), badge(waiting)),
      el("span.name", { dir: "auto" }, person.first_name));
    button.classList.toggle("current", current);
    button.classList.toggle("gone", Boolean(person.deactivated));
    button.setAttribute("aria-pressed", String(current));
    button.addEventListener("click", () => go.person(person));
    button.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      popup(event.clientX, event.clientY, personEntries(person, go));
    });
    return button;
  }), el("button.user.new", { type: "button", id: "add-user", title: t("add_user"), onclick: () => addPerson(go) },
    el("span.face", {}, el("span.avatar", {}, icon("plus"))), el("span.name", {}, t("add_user_short"))));
  strip.querySelector(`[data-person="${focused}"]`)?.focus();
  strip.querySelector(".current")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

const badge = (count) => (count ? el("span.badge", { "aria-label": t("unread", { n: count }) }, count > 99 ? "99+" : String(count)) : null);

function drawChats(go) {
  if (!app.me) return;
  const person = app.people.find((other) => other.id === app.me.id);
  const inside = app.chats.filter((chat) => isIn(chat, app.me.id)).sort((a, b) => (b.last?.date ?? 0) - (a.last?.date ?? 0));
  const outside = app.chats.filter((chat) => !isIn(chat, app.me.id));
  $("chats").replaceChildren(...[
    row(null, person, go),
    ...inside.map((chat) => row(chat, person, go)),
    outside.length ? el("li.caption", { role: "presentation" }, t("outside")) : null,
    ...outside.map((chat) => row(chat, person, go)),
  ].filter(Boolean));
}

function row(chat, person, go) {
  const current = (app.here?.id ?? 0) === (chat?.id ?? 0);
  const name = chat?.title ?? app.bot.first_name;
  const last = (chat ?? person).last;
  const button = el("button.chat-row", { type: "button", data: { chat: chat?.id ?? "" } },
    chat ? paintAvatar(el("span.avatar.square"), chat.id, name) : paintAvatar(el("span.avatar.bot"), app.bot.id, name),
    el("span.lines", {},
      el("span.top", {}, chat ? icon(chat.is_forum ? "forum" : KIND_ICONS[chat.type]) : null, el("b", { dir: "auto" }, name), last ? el("time", {}, time(last.date)) : null),
      el("span.under", {}, el("span.preview", { dir: "auto" }, describe(chat, person, last)), badge(current ? 0 : unread(person, chat)))));
  button.classList.toggle("current", current);
  button.setAttribute("aria-current", String(current));
  button.addEventListener("click", () => go.chat(chat));
  return el("li", {}, button);
}

function describe(chat, person, last) {
  if (!chat && person.deactivated) return t("deactivated");
  if (!last) return t("no_messages");
  const line = preview(last);
  if (isService(last)) return line;
  if (isOwn(last)) return `${t("you")}: ${line}`;
  return chat && chat.type !== "channel" ? `${sender(last).name.split(" ")[0]}: ${line}` : line;
}

// People

export function personEntries(person, go) {
  return [
    ["edit", t("change_person"), () => changePerson(person, go)],
    ["block", t(person.deactivated ? "reactivate" : "deactivate"), async () => {
      await call("PATCH", `users/${person.id}`, { deactivated: !person.deactivated });
      await go.reload();
    }],
  ];
}

function personFields(person) {
  const named = new Intl.DisplayNames([language], { type: "language" });
  const tags = [...new Set([...CLIENT_LANGUAGES, person.language])].filter(Boolean);
  const options = Object.fromEntries(tags.map((tag) => [tag, `${named.of(tag) ?? tag} (${tag})`]));
  return [
    field(t("first_name"), input("first_name", { value: person.first_name ?? "", required: true, maxLength: 64 })),
    field(t("last_name"), input("last_name", { value: person.last_name ?? "", maxLength: 64 })),
    field(t("language"), choice("language", options, person.language)),
  ];
}

async function addPerson(go) {
  const username = field(t("username"), input("username", { maxLength: 32, pattern: "[A-Za-z][A-Za-z0-9_]{3,}" }));
  const wanted = await ask(t("new_person"), [...personFields({ language }), username], { submit: t("add_user") });
  if (!wanted) return;
  const person = await call("POST", "users", wanted);
  await loadState();
  go.person(app.people.find((other) => other.id === person.id));
}

export async function changePerson(person, go) {
  const wanted = await ask(t("person"), personFields(person), { submit: t("save") });
  if (!wanted) return;
  await call("PATCH", `users/${person.id}`, wanted);
  await go.reload();
}

// Groups and channels

export const peopleChecks = (name, label, fits, ticked = () => false) =>
  checks(label, name, app.people.filter(fits).map((person) => [String(person.id), fullName(person), ticked(person)]));

const botChecks = () => checks(t("bots"), "bots", app.bots.map((bot) => [bot.username, `${bot.name} (@${bot.username})`, bot.id === app.bot.id]));

async function createChat(kind, go) {
  const group = kind !== "channel";
  const others = peopleChecks("members", t("members"), (person) => person.id !== app.me.id, () => true);
  const admins = group ? check("bot_admin", t("bot_admin")) : null;
  const wanted = await ask(t(`new_${kind}`), [
    field(t("title"), input("title", { required: true, maxLength: 128, value: "" })),
    kind === "group" ? null : field(t("public_name"), input("username", { pattern: "[A-Za-z][A-Za-z0-9_]{3,}" })),
    others, botChecks(), admins,
  ].filter(Boolean), { submit: t("create") });
  if (!wanted) return;
  const chat = await call("POST", "chats", {
    title: wanted.title,
    kind: kind === "forum" ? "supergroup" : kind,
    forum: kind === "forum",
    username: wanted.username ?? "",
    owner: String(app.me.id),
    members: [String(app.me.id), ...(wanted.members ?? [])],
    bots: wanted.bots ?? [],
    admins: wanted.bot_admin ? wanted.bots ?? [] : [],
  });
  await loadState();
  go.chat(app.chats.find((other) => other.id === chat.id));
}

export function newMenu(event, go) {
  menuAt(event.currentTarget, [
    ["group", t("new_group"), () => createChat("group", go)],
    ["group", t("new_supergroup"), () => createChat("supergroup", go)],
    ["forum", t("new_forum"), () => createChat("forum", go)],
    ["channel", t("new_channel"), () => createChat("channel", go)],
    ["robot", t("new_bot"), addBot],
  ]);
}

// Bots

async function addBot() {
  const wanted = await ask(t("new_bot"), [
    field(t("first_name"), input("name", { required: true, maxLength: 64 })),
    field(t("username"), input("username", { required: true, pattern: "[A-Za-z][A-Za-z0-9_]{4,}" })),
  ], { submit: t("create") });
  if (!wanted) return;
  const bot = await call("POST", "bots", wanted);
  location.search = `?bot=${bot.username}`;
}

/** Another bot is another page: its chats have nothing to do with those of this one. */
export function botMenu(event) {
  menuAt(event.currentTarget, [
    ...app.bots.map((bot) => [bot.id === app.bot.id ? "check" : "robot", `${bot.name} (@${bot.username})`, () => {
      if (bot.id !== app.bot.id) location.search = `?bot=${bot.username}`;
    }]),
    ["plus", t("new_bot"), addBot],
  ]);
}

/** Go to the chat above or below in the list. */
export function neighbourChat(step) {
  const rows = [...document.querySelectorAll(".chat-row")];
  const at = rows.findIndex((button) => button.classList.contains("current"));
  rows[at + step]?.click();
}

