// The page: which chat is shown, and what happens in it.

import { BOT, follow } from "./api.js";
import { Composer } from "./composer.js";
import { alertBox, ask, choice, closePopup, copy, field, menuAt, popup, toast } from "./dialogs.js";
import { $, colorOf, debounce, el, fullName, icon, paintAvatar } from "./dom.js";
import { LANGUAGES, language, setLanguage, t, translate } from "./i18n.js";
import { addTopic, connection, transcriptUrl } from "./info.js";
import { vote } from "./media.js";
import { Panel } from "./panel.js";
import { isService } from "./service.js";
import { botMenu, changePerson, drawSidebar, neighbourChat, newMenu } from "./sidebar.js";
import { act, app, isIn, isOwn, loadState, place } from "./state.js";
import { Timeline } from "./timeline.js";

const PATIENCE = 15_000; // how long a button waits for its answer
const EMOJI = ["👍", "❤️", "🔥", "🎉", "😁", "🤔", "😢", "👎"];

let source = null;
let opened = 0; // counts, so that what comes late for a chat that was left is dropped
const busy = new Map(); // message id → { data, timer } of a pressed button
const actions = new Map(); // bot's id → { name, who, timer }

const chat = {
  reply: (message) => composer.reply(message),
  say: (text) => composer.say(text),
  type: (text) => composer.type(text),
  jump: (id) => timeline.jump(id),
  isBusy: (id, data) => data !== undefined && busy.get(id)?.data === data,
  react: (message, emoji) => act("POST", "reactions", { message_id: message.message_id, emoji }),
  pin: (id, pinned) => act("POST", "pins", { message_id: id, pinned }),
  click,
  share,
};

const go = { person: choosePerson, chat: chooseChat, reload };

const timeline = new Timeline(chat, drawHello);
const panel = new Panel(go);
const composer = new Composer({
  lastOwn: () => timeline.last((message) => isOwn(message) && !isService(message) && ("text" in message || "caption" in message) && !message.forward_origin && !message.via_bot),
  scrollToEnd: () => timeline.toEnd(),
  focusLast: () => timeline.focusLast(),
  pending: (item) => {
    $("messages").append(item);
    timeline.toEnd();
  },
});

// Who one is, and where

async function reload() {
  await loadState();
  draw();
  await composer.loadCommands();
  composer.drawStart();
  panel.touch();
}

function draw() {
  drawSidebar(go);
  drawHeader();
  drawTopics();
}

const drawSoon = debounce(50, () => drawSidebar(go));
const reloadSoon = debounce(250, reload); // many chats may change at once

const key = () => `${app.me?.id}:${app.here?.id ?? 0}:${app.thread ?? ""}`;

async function choosePerson(person) {
  if (app.me?.id === person.id) return;
  composer.leave(key());
  app.me = person;
  if (app.here && !isIn(app.here, person.id)) app.here = app.thread = null;
  localStorage.setItem("person", String(person.id));
  await openChat();
}

async function chooseChat(target) {
  $("people").classList.remove("open");
  if ((app.here?.id ?? 0) === (target?.id ?? 0) && source) return;
  composer.leave(key());
  app.here = target;
  app.thread = null;
  await openChat();
  composer.focus();
}

async function chooseTopic(thread) {
  composer.leave(key());
  app.thread = thread;
  timeline.clear();
  drawTopics();
  await showMessages();
  composer.enter(key());
  composer.focus();
}

async function openChat() {
  const turn = (opened += 1);
  source?.close();
  busy.clear();
  setAction(null);
  timeline.clear();
  const { seq } = await loadState();
  if (turn !== opened) return;
  draw();
  await Promise.all([composer.loadCommands(), showMessages()]);
  if (turn !== opened) return;
  composer.enter(key());
  panel.touch();
  source = follow(place(), seq, { onEvent: (event) => turn === opened && HANDLERS[event.type]?.(event), onOpen, onLost });
}

async function showMessages() {
  const found = await timeline.load();
  if (!found) return;
  app.blocked = found.blocked;
  composer.opened(found);
  drawHello();
  drawSidebar(go);
}

// What one does with messages

async function click(message, data) {
  const id = message.message_id;
  if (busy.has(id)) return;
  const timer = setTimeout(() => {
    settle(id);
    toast(t("no_answer"), "bad");
  }, PATIENCE);
  busy.set(id, { data, timer });
  timeline.redrawId(id);
  await act("POST", "click", { message_id: id, data }).catch((error) => {
    settle(id);
    toast(error.message, "bad");
  });
}

function settle(id) {
  const waiting = busy.get(id);
  if (!waiting) return;
  clearTimeout(waiting.timer);
  busy.delete(id);
  timeline.redrawId(id);
}

/** A button that takes an inline query to another chat. */
async function share(bot, query) {
  const target = await chooseTarget(t("share_where"));
  if (target === undefined) return;
  await chooseChat(target);
  composer.type(`@${bot} ${query}`);
}

/** One of the person's chats: null for the one with the bot, undefined for none. */
async function chooseTarget(title) {
  const options = { "": app.bot.first_name };
  for (const one of app.chats) if (isIn(one, app.me.id)) options[one.id] = one.title;
  const given = await ask(title, [choice("chat", options, "")], { submit: t("choose") });
  return given ? app.chats.find((one) => String(one.id) === given.chat) ?? null : undefined;
}

async function forward(message) {
  const from = app.here ? { from_chat: String(app.here.id) } : { private: true };
  const target = await chooseTarget(t("forward_where"));
  if (target === undefined) return;
  await chooseChat(target);
  await act("POST", "forwards", { message_id: message.message_id, ...from });
}

function messageMenu(event) {
  const item = event.target.closest("li.message[data-id]");
  if (!item || event.target.closest("video, input") || getSelection().toString()) return;
  event.preventDefault();
  const id = Number(event.target.closest("[data-message]")?.dataset.message ?? item.dataset.id);
  const message = timeline.message(id);
  if (!message) return;
  const text = message.text ?? message.caption;
  const own = isOwn(message);
  const pinned = timeline.pinned.includes(id);
  const service = isService(message);
  const editable = own && !service && !message.forward_origin && !message.via_bot && ("text" in message || message.caption || message.photo || message.document || message.video || message.audio);
  popup(event.clientX, event.clientY, [
    service ? null : faces(message),
    ["reply", t("reply"), () => composer.reply(message)],
    text && ["copy", t("copy_text"), () => copy(text)],
    editable && ["edit", t("edit"), () => composer.edit(message)],
    !service && ["share", t("forward"), () => forward(message)],
    !service && ["pin", t(pinned ? "unpin" : "pin"), () => chat.pin(id, !pinned)],
    message.votes?.[app.me.id] && !message.poll.is_closed && ["back", t("retract"), () => vote(message, [])],
    ["code", t("source"), () => panel.source(id)],
    ["trash", t("delete"), () => act("DELETE", `messages/${id}`), "danger"],
  ]);
}

/** The row of reactions on top of the menu. */
function faces(message) {
  const own = message.reactions?.filter((reaction) => reaction.by === app.me.id).map((reaction) => reaction.emoji) ?? [];
  return el("div.faces", { role: "group", "aria-label": t("react") }, ...EMOJI.map((sign) => {
    const button = el("button", { type: "button", role: "menuitem", "aria-pressed": String(own.includes(sign)), "aria-label": `${t("react")} ${sign}`, onclick: () => {
      closePopup();
      chat.react(message, own.includes(sign) ? [] : [sign]);
    } }, sign);
    return button;
  }));
}

// What happens

const HANDLERS = {
  message({ message }) {
    if (!isShown(message)) return reloadSoon();
    const wasAtEnd = timeline.atEnd;
    timeline.place(message);
    if (message.keyboard) composer.setKeyboard(message, true);
    if (message.from?.is_bot) setAction(null, message.from.id);
    drawHello();
    if (wasAtEnd || isOwn(message)) timeline.toEnd();
    else timeline.unseen += 1;
    touch(message);
    if (timeline.atEnd && document.hasFocus()) timeline.read();
    timeline.showDown();
    if (isService(message)) reloadSoon();
  },
  edited({ message }) {
    panel.touch(message);
    if (!timeline.has(message.message_id)) return;
    timeline.place(message);
    if (timeline.atEnd) timeline.toEnd();
    if (timeline.newest === message.message_id) touch(message);
  },
  reaction({ message }) {
    panel.touch(message);
    if (timeline.has(message.message_id)) timeline.place(message);
    if (timeline.atEnd) timeline.toEnd();
  },
  deleted({ message_id: id }) {
    timeline.remove(id);
    timeline.setPinned(timeline.pinned.filter((other) => other !== id));
    reloadSoon();
  },
  action({ action, bot, thread, seconds }) {
    if (app.thread === null || (thread ?? 0) === app.thread) setAction(action, bot, seconds);
  },
  click: ({ message_id: id }) => panel.touch({ message_id: id }),
  answer({ message_id: id, user_id: who, text, show_alert: important, url }) {
    panel.touch({ message_id: id });
    if (who !== app.me.id) return;
    settle(id);
    if (text) important ? alertBox(text) : toast(text);
    if (url) open(url, "_blank", "noopener,noreferrer");
  },
  pinned: ({ message_ids: ids }) => timeline.setPinned(ids),
  blocked({ blocked }) {
    app.blocked = blocked;
    composer.drawStart();
  },
  presence({ online }) {
    app.online = app.bot.online = online;
    drawHeader();
    drawHello();
  },
  async bot() {
    await reload();
    drawHello();
  },
  member: reloadSoon,
  chat: reloadSoon,
  async migrated({ chat_id: id }) {
    await loadState();
    chooseChat(app.chats.find((one) => one.id === id) ?? null);
  },
  elsewhere: reloadSoon,
};

const isShown = (message) => app.thread === null || (message.message_thread_id ?? 0) === app.thread;

/** Show a message in the list of chats without asking for the list. */
function touch(message) {
  const entry = app.here ?? app.people.find((person) => person.id === app.me.id);
  entry.last = message;
  drawSoon();
}

let lost = false;

async function onOpen() {
  $("lost").hidden = true;
  if (!lost) return;
  lost = false;
  await reload();
  await showMessages();
}

function onLost() {
  lost = true;
  $("lost").hidden = false;
  if (source?.readyState === EventSource.CLOSED) setTimeout(() => openChat().catch(onLost), 2000);
}

function setAction(name, bot = 0, seconds = 5) {
  if (!name && !bot) actions.clear();
  clearTimeout(actions.get(bot)?.timer);
  actions.delete(bot);
  if (name) actions.set(bot, { name, timer: setTimeout(() => setAction(null, bot), seconds * 1000) });
  drawHeader();
}

// Around the chat

function drawHeader() {
  if (!app.bot) return;
  const title = app.here?.title ?? app.bot.first_name;
  const avatar = paintAvatar($("chat-avatar"), app.here?.id ?? app.bot.id, title);
  avatar.classList.toggle("bot", !app.here);
  avatar.classList.toggle("square", Boolean(app.here));
  if (app.me) paintAvatar($("my-avatar"), app.me.id, fullName(app.me));
  $("chat-name").textContent = title;
  document.title = title;
  $("bot-switch").hidden = app.bots.length < 2;
  $("bot-switch").querySelector("span").textContent = `@${app.bot.username}`;
  drawStatus();
}

function drawStatus() {
  const status = $("status");
  const [first] = actions;
  const away = !app.bot.online;
  status.classList.toggle("active", Boolean(first));
  status.classList.toggle("away", away && !app.here);
  if (first) {
    const [bot, { name }] = first;
    const who = app.here ? `${app.bots.find((one) => one.id === bot)?.name ?? ""} ` : "";
    status.replaceChildren(`${who}${t(name)}`, el("span.dots", {}, el("i"), el("i"), el("i")));
  } else if (app.here) {
    const count = app.here.members.filter((member) => isIn(app.here, member.user.id)).length;
    const words = t(app.here.type === "channel" ? "subscribers" : "members_counted", { n: count });
    status.replaceChildren(away && isIn(app.here, app.bot.id) ? `${words}, ${t("away")}` : words);
  } else {
    status.replaceChildren(el("span.dot"), t(away ? "away" : "online"));
  }
}

/** The topics of a forum as tabs. */
function drawTopics() {
  const bar = $("topics");
  bar.hidden = !app.here?.is_forum;
  if (bar.hidden) return;
  const tab = (thread, name, color, closed) => {
    const button = el("button.topic", { type: "button", role: "tab", onclick: () => chooseTopic(thread) },
      color === null ? null : el("i", { data: { color } }), name, closed ? icon("lock") : null);
    button.setAttribute("aria-selected", String(app.thread === thread));
    return button;
  };
  bar.replaceChildren(tab(null, t("all_topics"), null), tab(0, t("general"), "1"),
    ...app.here.topics.map((topic) => tab(topic.message_thread_id, topic.name, colorOf(topic.message_thread_id), topic.closed)),
    el("button.icon", { type: "button", title: t("new_topic"), "aria-label": t("new_topic"), onclick: () => addTopic(app.here).then(reload) }, icon("plus")));
}

function drawHello() {
  const hello = $("hello");
  const empty = timeline.size === 0;
  hello.hidden = !empty;
  composer.drawStart(empty && app.bot.online);
  if (!empty) return;
  if (app.here) {
    hello.replaceChildren(paintAvatar(el("span.avatar.large.square"), app.here.id, app.here.title), el("h3", { dir: "auto" }, app.here.title),
      el("p", {}, t(app.thread === null ? "hello_chat" : "hello_topic")));
    return;
  }
  const words = app.bot.description || t("hello_text");
  const online = app.bot.online;
  hello.replaceChildren(
    paintAvatar(el("span.avatar.bot.large"), app.bot.id, app.bot.first_name),
    el("h3", {}, online ? t("hello_title") : t("hello_away")),
    el("p", { dir: "auto" }, online ? words : t("hello_away_text")),
    online ? suggestions() : connection(app.bots.find((one) => one.id === app.bot.id)));
}

function suggestions() {
  const box = el("div.suggestions", {}, el("button.suggestion.drop-hint", { type: "button", onclick: () => {
    $("file").dataset.as = "document";
    $("file").click();
  } }, el("span.file-icon", { data: { family: "pdf" } }, "pdf"), t("hello_drop")));
  const names = composer.commands.map((entry) => `/${entry.command}`).filter((name) => name !== "/start");
  for (const name of names.slice(0, 4)) {
    box.append(el("button.suggestion", { type: "button", onclick: () => composer.say(name) }, name));
  }
  return box;
}

function moreMenu(event) {
  menuAt(event.currentTarget, [
    ["info", t(app.here ? "about_chat" : "about_bot"), () => panel.show("info")],
    ["code", t("calls"), () => panel.show("calls")],
    ["bolt", t("rules"), () => panel.show("rules")],
    ["save", t("save_transcript"), () => el("a", { href: transcriptUrl(), download: "transcript.yaml" }).click()],
    ["edit", t("change_person"), () => changePerson(app.me, go)],
    app.here ? null : ["block", t(app.blocked ? "unblock" : "block"), () => act("POST", "block", { blocked: !app.blocked })],
  ]);
}

async function settings() {
  const theme = localStorage.getItem("theme") ?? "auto";
  const wanted = await ask(t("settings"), [
    field(t("page_language"), choice("language", LANGUAGES, language)),
    field(t("theme"), choice("theme", { auto: t("theme_auto"), light: t("theme_light"), dark: t("theme_dark") }, theme)),
    el("dl.keys", {}, ...KEYS.flatMap(([name, words]) => [el("dt", {}, el("kbd", {}, name)), el("dd", {}, t(words))])),
  ], { submit: t("save") });
  if (!wanted) return;
  localStorage.setItem("theme", wanted.theme);
  applyTheme();
  setLanguage(wanted.language);
  composer.translate();
  await reload();
  await showMessages();
}

const KEYS = [["↑", "key_edit"], ["Ctrl ↑", "key_messages"], ["Alt ↑ ↓", "key_chats"], ["Ctrl B I U K", "key_format"]];

function applyTheme() {
  const theme = localStorage.getItem("theme") ?? "auto";
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

// Beginning

function listen() {
  $("settings").addEventListener("click", settings);
  $("new-chat").addEventListener("click", (event) => newMenu(event, go));
  $("bot-switch").addEventListener("click", botMenu);
  $("more").addEventListener("click", moreMenu);
  $("chat-about").addEventListener("click", () => panel.show("info"));
  $("back").addEventListener("click", () => $("people").classList.add("open"));
  $("messages").addEventListener("contextmenu", messageMenu);
  $("messages").addEventListener("dblclick", (event) => {
    const item = event.target.closest("li.message[data-id]");
    if (item && !event.target.closest(".bubble")) composer.reply(timeline.message(Number(item.dataset.id)));
  });
  for (const kind of ["wheel", "touchmove"]) $("scroll").addEventListener(kind, closePopup, { passive: true });
  addEventListener("keydown", (event) => {
    const step = event.altKey && { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    neighbourChat(step);
  });
  addEventListener("unhandledrejection", (event) => toast(event.reason?.message ?? String(event.reason), "bad"));
}

async function begin() {
  applyTheme();
  translate();
  listen();
  await loadState();
  composer.translate();
  const saved = Number(localStorage.getItem("person"));
  app.me = app.people.find((person) => person.id === saved)
    ?? app.people.find((person) => person.language.startsWith(language)) ?? app.people[0];
  await openChat();
  composer.focus();
  document.body.dataset.ready = BOT || "yes";
}

begin().catch((error) => {
  console.warn(error);
  $("lost").hidden = false;
  setTimeout(() => location.reload(), 3000);
});
