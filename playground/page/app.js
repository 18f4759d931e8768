// The page: who one is, the chat that is shown, and what happens in it.

import { BOT, call, follow, get } from "./api.js";
import { bubble, preview, refresh } from "./bubbles.js";
import { Composer } from "./composer.js";
import { alertBox, ask, choice, closePopup, copy, field, popup, toast } from "./dialogs.js";
import { $, day, el, fullName, icon, paintAvatar, time } from "./dom.js";
import { LANGUAGES, language, setLanguage, t, translate } from "./i18n.js";

const PAGE = 100; // messages that are loaded at once
const NEAR = 120; // pixels from the end that count as "at the end"
const PATIENCE = 15_000; // how long a button waits for its answer
const MOST = 500; // bubbles that are kept while one reads along at the end
const CLIENT_LANGUAGES = ["en", "ru", "es", "de", "fr", "it", "pt", "uk", "pl", "tr", "ar", "hi", "ja", "zh"];

let bot = null;
let people = [];
let me = null;
let source = null;
let loading = false;
let complete = false; // whether the first message of the chat is shown
let atEnd = true;
let unseen = 0;
let pinned = [];
const shown = new Map(); // message id → { message, item }
const busy = new Map(); // message id → { data, timer } of a pressed button
const actions = { timer: 0 };

const composer = new Composer({
  person: () => me,
  shown,
  lastOwn: () => [...shown.values()].reverse().find(({ message }) => !message.from.is_bot && "text" in message)?.message,
  scrollToEnd,
  pending: (item) => { $("messages").append(item); scrollToEnd(); },
});

const chat = {
  reply: (message) => composer.reply(message),
  say: (text) => composer.say(text),
  jump,
  click,
  isBusy: (id, data) => busy.has(id) && busy.get(id).data === data,
};

// People

const readKey = (person) => `read:${bot.id}:${person.id}`;
const lastRead = (person) => Number(localStorage.getItem(readKey(person)) ?? 0);

function markRead() {
  const last = [...shown.keys()].at(-1) ?? 0;
  if (me && last > lastRead(me)) localStorage.setItem(readKey(me), String(last));
  unseen = 0;
  showDown();
}

async function loadState() {
  const state = await get("state", { language: me?.language ?? language });
  bot = state.bot;
  people = state.users;
  if (me) me = people.find((person) => person.id === me.id) ?? me;
  drawPeople();
  drawHeader();
  return state;
}

function drawPeople() {
  $("users").replaceChildren(...people.map((person) => {
    const current = person.id === me?.id;
    const unread = current ? 0 : person.received.filter((id) => id > lastRead(person)).length;
    const row = el("button.user", { type: "button", title: person.username ? `@${person.username}` : "" },
      paintAvatar(el("span.avatar"), person.id, fullName(person)),
      el("span.lines", {},
        el("span.top", {}, el("b", {}, fullName(person)), el("span.lang", {}, person.language),
          person.last && el("time", {}, time(person.last.date))),
        el("span.under", {}, el("span.preview", {}, describe(person)), unread ? el("span.badge", {}, unread > 99 ? "99+" : String(unread)) : null)));
    row.classList.toggle("current", current);
    row.setAttribute("aria-current", String(current));
    row.addEventListener("click", () => choose(person));
    row.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      personMenu(event, person);
    });
    return row;
  }));
}

function describe(person) {
  if (person.deactivated) return t("deactivated");
  if (!person.last) return t("no_messages");
  return person.last.from.is_bot ? preview(person.last) : `${t("you")}: ${preview(person.last)}`;
}

function personMenu(event, person) {
  popup(event.clientX, event.clientY, [
    ["edit", t("change_person"), () => changePerson(person)],
    ["block", t(person.deactivated ? "reactivate" : "deactivate"), async () => {
      await call("PATCH", `users/${person.id}`, { deactivated: !person.deactivated });
      await loadState();
    }],
  ]);
}

function personFields(person) {
  const named = new Intl.DisplayNames([language], { type: "language" });
  const tags = [...new Set([...CLIENT_LANGUAGES, person.language])].filter(Boolean);
  const options = Object.fromEntries(tags.map((tag) => [tag, `${named.of(tag) ?? tag} (${tag})`]));
  return [
    field(t("first_name"), el("input", { name: "first_name", value: person.first_name, required: true, maxLength: 64, autocomplete: "off" })),
    field(t("language"), choice("language", options, person.language)),
  ];
}

async function addPerson() {
  const wanted = await ask(t("new_person"), personFields({ first_name: "", language }), { submit: t("add_user") });
  if (!wanted) return;
  const person = await call("POST", "users", wanted);
  await loadState();
  choose(people.find((other) => other.id === person.id));
}

async function changePerson(person) {
  const wanted = await ask(t("person"), personFields(person), { submit: t("save") });
  if (!wanted) return;
  await call("PATCH", `users/${person.id}`, wanted);
  await loadState();
  composer.loadCommands();
}

async function choose(person) {
  $("people").classList.remove("open");
  if (me?.id === person.id) return;
  me = person;
  localStorage.setItem("person", String(person.id));
  composer.reset();
  drawPeople();
  await openChat();
  composer.focus();
}

// The chat

async function openChat() {
  source?.close();
  busy.clear();
  const { seq } = await loadState();
  await composer.loadCommands();
  await loadMessages();
  source = follow(me.id, seq, { onEvent, onOpen, onLost });
}

async function loadMessages() {
  const loadedFor = me.id;
  const found = await get(`users/${me.id}/messages`, { limit: PAGE });
  if (loadedFor !== me.id) return;
  shown.clear();
  complete = found.messages.length < PAGE;
  $("messages").replaceChildren();
  for (const message of found.messages) place(message);
  me.blocked = found.blocked;
  setPinned(found.pinned);
  composer.setKeyboard(found.messages.filter((message) => message.keyboard).at(-1)?.keyboard);
  drawHello();
  scrollToEnd();
  markRead();
}

async function loadEarlier() {
  if (loading || complete || !shown.size) return;
  loading = true;
  const first = Math.min(...shown.keys());
  const found = await get(`users/${me.id}/messages`, { limit: PAGE, before: first });
  complete = found.messages.length < PAGE;
  const height = $("scroll").scrollHeight;
  const top = $("scroll").scrollTop;
  for (const message of found.messages.reverse()) place(message);
  $("scroll").scrollTop = top + $("scroll").scrollHeight - height;
  loading = false;
}

/** Put a message where it belongs by its id, or show its change. */
function place(message) {
  const id = message.message_id;
  const known = shown.get(id);
  if (known) {
    known.message = message;
    refresh(known.item, message, chat);
    return known.item;
  }
  const item = bubble(message, chat);
  item.addEventListener("contextmenu", (event) => messageMenu(event, id));
  item.addEventListener("dblclick", (event) => event.target.closest(".bubble") || composer.reply(shown.get(id).message));
  const newest = [...shown.keys()].at(-1) ?? 0;
  const next = newest > id ? [...shown.keys()].find((other) => other > id) : undefined;
  shown.set(id, { message, item });
  if (next) {
    const line = shown.get(next).item.previousElementSibling;
    (line?.matches(".day") ? line : shown.get(next).item).before(item);
    keepOrder();
  } else {
    $("messages").append(item);
    if (atEnd && shown.size > MOST) forgetOldest();
  }
  regroup(item);
  return item;
}

function keepOrder() {
  const sorted = [...shown.entries()].sort(([a], [b]) => a - b);
  shown.clear();
  for (const [id, entry] of sorted) shown.set(id, entry);
}

function forgetOldest() {
  for (const id of [...shown.keys()].slice(0, MOST / 2)) remove(id);
  complete = false;
}

/** Day lines, and which bubbles of one sender belong together. */
function regroup(item) {
  for (const node of [item, neighbour(item, "nextElementSibling")]) if (node) group(node);
  const before = neighbour(item, "previousElementSibling");
  if (before) group(before);
}

function group(item) {
  const before = neighbour(item, "previousElementSibling");
  const after = neighbour(item, "nextElementSibling");
  const newDay = !before || day(before.dataset.date) !== day(item.dataset.date);
  const line = item.previousElementSibling;
  if (newDay && !line?.matches(".day")) item.before(el("li.day", {}, el("span", {}, day(item.dataset.date))));
  if (!newDay && line?.matches(".day")) line.remove();
  item.classList.toggle("first", newDay || !together(before, item));
  item.classList.toggle("last", !after || !together(item, after));
}

const together = (a, b) => a.dataset.sender === b.dataset.sender && b.dataset.date - a.dataset.date < 600
  && day(a.dataset.date) === day(b.dataset.date);

function neighbour(item, direction) {
  let node = item[direction];
  while (node && !node.matches("li.message[data-id]")) node = node[direction];
  return node;
}

function remove(id) {
  const entry = shown.get(id);
  if (!entry) return;
  shown.delete(id);
  const [before, after] = [neighbour(entry.item, "previousElementSibling"), neighbour(entry.item, "nextElementSibling")];
  const line = entry.item.previousElementSibling;
  entry.item.remove();
  if (line?.matches(".day") && !line.nextElementSibling?.matches("li.message")) line.remove();
  for (const node of [before, after]) if (node) group(node);
  drawHello();
}

function jump(id) {
  const entry = shown.get(id);
  if (!entry) return toast(t("deleted"));
  entry.item.scrollIntoView({ block: "center", behavior: "smooth" });
  entry.item.classList.remove("flash");
  void entry.item.offsetWidth; // so that the animation starts anew
  entry.item.classList.add("flash");
}

function messageMenu(event, id) {
  if (event.target.closest("a, img, video, audio")) return;
  event.preventDefault();
  const { message } = shown.get(id);
  const text = message.text ?? message.caption;
  const own = !message.from.is_bot;
  popup(event.clientX, event.clientY, [
    ["reply", t("reply"), () => composer.reply(message)],
    text && ["copy", t("copy_text"), () => copy(getSelection().toString() || text)],
    own && !message.forward_origin && ["edit", t("edit"), () => composer.edit(message)],
    ["trash", t("delete"), () => call("DELETE", `users/${me.id}/messages/${id}`), "danger"],
  ]);
}

async function click(message, data) {
  if (busy.has(message.message_id)) return;
  const id = message.message_id;
  const timer = setTimeout(() => {
    settle(id);
    toast(t("no_answer"), "bad");
  }, PATIENCE);
  busy.set(id, { data, timer });
  place(shown.get(id).message);
  try {
    await call("POST", `users/${me.id}/click`, { message_id: id, data });
  } catch (error) {
    settle(id);
    toast(error.message, "bad");
  }
}

function settle(id) {
  const waiting = busy.get(id);
  if (!waiting) return;
  clearTimeout(waiting.timer);
  busy.delete(id);
  if (shown.has(id)) place(shown.get(id).message);
}

// What happens

const HANDLERS = {
  message({ message }) {
    const wasAtEnd = atEnd;
    place(message);
    if (message.keyboard) composer.setKeyboard(message.keyboard, message);
    if (message.from.is_bot) setAction(null);
    drawHello();
    if (wasAtEnd || !message.from.is_bot) scrollToEnd();
    else unseen += 1;
    touch(message);
    if (atEnd && document.hasFocus()) markRead();
    showDown();
  },
  edited({ message }) {
    if (!shown.has(message.message_id)) return;
    place(message);
    if (atEnd) scrollToEnd();
    if ([...shown.keys()].at(-1) === message.message_id) touch(message);
  },
  reaction({ message }) {
    if (shown.has(message.message_id)) place(message);
    if (atEnd) scrollToEnd();
  },
  deleted({ message_id: id }) {
    remove(id);
    setPinned(pinned.filter((other) => other !== id));
  },
  action: ({ action }) => setAction(action),
  answer({ message_id: id, text, show_alert: important, url }) {
    settle(id);
    if (text) important ? alertBox(text) : toast(text);
    if (url) open(url, "_blank", "noopener,noreferrer");
  },
  pinned: ({ message_ids: ids }) => setPinned(ids),
  blocked({ blocked }) {
    me.blocked = blocked;
    composer.drawStart();
  },
  presence({ online }) {
    bot.online = online;
    drawHeader();
    drawHello();
  },
  async bot() {
    await loadState();
    await composer.loadCommands();
    drawHello();
  },
  elsewhere() {
    clearTimeout(actions.state);
    actions.state = setTimeout(loadState, 300); // many chats may change at once
  },
};

function onEvent(event) {
  HANDLERS[event.type]?.(event);
}

let lost = false;

async function onOpen() {
  $("lost").hidden = true;
  if (!lost) return;
  lost = false;
  await loadState();
  await composer.loadCommands();
  await loadMessages();
}

function onLost() {
  lost = true;
  $("lost").hidden = false;
  if (source?.readyState === EventSource.CLOSED) setTimeout(() => openChat().catch(onLost), 2000);
}

function touch(message) {
  const person = people.find((other) => other.id === me.id);
  person.last = message;
  drawPeople();
}

function setAction(action) {
  clearTimeout(actions.timer);
  actions.name = action;
  if (action) actions.timer = setTimeout(() => setAction(null), 5000);
  drawHeader();
}

function setPinned(ids) {
  pinned = ids;
  const id = ids.at(-1);
  $("pinned").hidden = !id;
  if (!id) return;
  const message = shown.get(id)?.message;
  $("pinned").replaceChildren(icon("pin"), el("span.quote", {}, el("b", {}, t("pinned")), el("span", {}, message ? preview(message) : "…")));
  $("pinned").onclick = () => jump(id);
}

// Around the chat

function drawHeader() {
  paintAvatar($("bot-avatar"), bot.id, bot.first_name);
  if (me) paintAvatar($("my-avatar"), me.id, fullName(me));
  $("bot-name").textContent = bot.first_name;
  document.title = bot.first_name;
  const status = $("status");
  status.classList.toggle("active", Boolean(actions.name));
  status.classList.toggle("away", !bot.online);
  if (actions.name) status.replaceChildren(t(actions.name), el("span.dots", {}, el("i"), el("i"), el("i")));
  else status.replaceChildren(el("span.dot"), t(bot.online ? "online" : "away"));
}

function drawHello() {
  const empty = shown.size === 0;
  const hello = $("hello");
  hello.hidden = !empty;
  composer.drawStart(empty && bot.online);
  if (!empty) return;
  const words = bot.description || t("hello_text");
  hello.replaceChildren(
    paintAvatar(el("span.avatar.bot.large"), bot.id, bot.first_name),
    el("h3", {}, bot.online ? t("hello_title") : t("hello_away")),
    bot.online ? el("p", {}, words) : el("p", {}, t("hello_away_text")),
    bot.online ? suggestions() : connection());
}

function suggestions() {
  const box = el("div.suggestions", {}, el("button.suggestion.drop-hint", { type: "button", onclick: () => $("file").click() },
    el("span.file-icon", { data: { family: "pdf" } }, "pdf"), t("hello_drop")));
  const names = composer.commands.map((entry) => `/${entry.command}`).filter((name) => name !== "/start");
  for (const name of names.slice(0, 4)) {
    box.append(el("button.suggestion", { type: "button", onclick: () => composer.say(name) }, name));
  }
  return box;
}

/** What a bot needs to be told to come here. */
function connection() {
  const box = el("dl.connection");
  const line = (label, value) => box.append(el("dt", {}, label), el("dd", {}, el("code", {}, value),
    el("button.icon", { type: "button", title: t("copy"), "aria-label": t("copy"), onclick: () => copy(value) }, icon("copy"))));
  line(t("api_address"), location.origin);
  get("bots").then((bots) => line(t("token"), bots.find((other) => other.id === bot.id).token));
  return box;
}

function moreMenu(event) {
  const { right, bottom } = event.currentTarget.getBoundingClientRect();
  popup(right, bottom + 6, [
    ["plug", t("connect"), () => ask(t("connect"), [el("p", {}, t("hello_away_text")), connection()], { cancel: false, submit: t("close") })],
    ["edit", t("change_person"), () => changePerson(me)],
    ["block", t(me.blocked ? "unblock" : "block"), () => call("POST", `users/${me.id}/block`, { blocked: !me.blocked })],
  ]);
}

async function settings() {
  const theme = localStorage.getItem("theme") ?? "auto";
  const wanted = await ask(t("settings"), [
    field(t("page_language"), choice("language", LANGUAGES, language)),
    field(t("theme"), choice("theme", { auto: t("theme_auto"), light: t("theme_light"), dark: t("theme_dark") }, theme)),
  ], { submit: t("save") });
  if (!wanted) return;
  localStorage.setItem("theme", wanted.theme);
  applyTheme();
  setLanguage(wanted.language);
  composer.translate();
  await loadState();
  await loadMessages();
}

function applyTheme() {
  const theme = localStorage.getItem("theme") ?? "auto";
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function scrollToEnd() {
  const box = $("scroll");
  box.scrollTop = box.scrollHeight;
  atEnd = true;
}

function showDown() {
  $("down").hidden = atEnd;
  const badge = $("down").querySelector(".badge");
  badge.hidden = !unseen;
  badge.textContent = String(unseen);
}

function onScroll() {
  const box = $("scroll");
  atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
  if (atEnd && document.hasFocus()) markRead();
  showDown();
  if (box.scrollTop < 300) loadEarlier();
}

// Beginning

function listen() {
  $("add-user").addEventListener("click", addPerson);
  $("settings").addEventListener("click", settings);
  $("more").addEventListener("click", moreMenu);
  $("back").addEventListener("click", () => $("people").classList.add("open"));
  $("down").addEventListener("click", () => { scrollToEnd(); markRead(); });
  $("scroll").addEventListener("scroll", onScroll, { passive: true });
  for (const kind of ["wheel", "touchmove"]) $("scroll").addEventListener(kind, closePopup, { passive: true });
  addEventListener("focus", () => atEnd && markRead());
  new ResizeObserver(() => atEnd && scrollToEnd()).observe($("messages"));
  new ResizeObserver(() => atEnd && scrollToEnd()).observe($("scroll"));
  addEventListener("unhandledrejection", (event) => toast(event.reason?.message ?? String(event.reason), "bad"));
}

async function begin() {
  applyTheme();
  translate();
  composer.translate();
  listen();
  await loadState();
  const saved = Number(localStorage.getItem("person"));
  me = people.find((person) => person.id === saved)
    ?? people.find((person) => person.language.startsWith(language)) ?? people[0];
  await openChat();
  composer.focus();
  document.body.dataset.ready = BOT || "yes";
}

begin().catch(() => {
  $("lost").hidden = false;
  setTimeout(() => location.reload(), 3000);
});
