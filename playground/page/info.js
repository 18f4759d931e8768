// The panel's first tab: the open chat, its members and topics, the bot.

import { address, call, get } from "./api.js";
import { ask, choice, copy, confirmed, field, input, menuAt, toast } from "./dialogs.js";
import { el, fullName, icon, iconButton, paintAvatar } from "./dom.js";
import { t } from "./i18n.js";
import { app, isAdmin, isIn, loadState, memberOf } from "./state.js";

/** The content; `go` has `chat(chat)` and `reload()`. */
export async function drawInfo(go) {
  if (app.here) return groupInfo(app.here, go);
  const bot = (await get("bots")).find((one) => one.id === app.bot.id);
  return [
    hero(paintAvatar(el("span.avatar.bot.large"), bot.id, app.bot.first_name), app.bot.first_name, `@${bot.username}`),
    el("p.about", { dir: "auto" }, app.bot.short_description || app.bot.description || ""),
    connection(bot),
    el("h4", {}, t("bot_settings")),
    ...["can_join_groups", "reads_all_group_messages", "supports_inline", "inline_feedback"].map((name) => botSwitch(bot, name, go)),
    el("h4", {}, t("conversation")),
    transcript(),
  ];
}

const hero = (avatar, name, about) => el("div.hero", {}, avatar, el("h3", { dir: "auto" }, name), el("p", {}, about));

/** What a bot needs to be told to come here. */
export function connection(bot) {
  const line = (label, value) => [el("dt", {}, label), el("dd", {}, el("code", { dir: "ltr" }, value), iconButton("copy", t("copy"), () => copy(value)))];
  return el("dl.connection", {}, ...line(t("api_address"), location.origin), ...line(t("token"), bot.token));
}

function botSwitch(bot, name, go) {
  const box = el("input", { type: "checkbox", role: "switch", checked: bot[name], onchange: async () => {
    await call("PATCH", `bots/${bot.username}`, { [name]: box.checked });
    await go.reload();
  } });
  return el("label.switch-row", {}, el("span", {}, el("b", {}, t(name)), el("small", {}, t(`${name}_hint`))), box);
}

/** The conversation as a file that runs as a test. */
export function transcriptUrl() {
  return address(`users/${app.me.username || app.me.id}/transcript`, app.here ? { chat: app.here.id } : {});
}

const transcript = () => el("div", {}, el("p.hint", {}, t("transcript_hint")),
  el("a.chip", { href: transcriptUrl(), download: "transcript.yaml", id: "transcript" }, icon("save"), t("save_transcript")));

// Groups and channels

function groupInfo(chat, go) {
  const inside = chat.members.filter((member) => isIn(chat, member.user.id));
  const gone = chat.members.filter((member) => member.status === "kicked");
  const kind = chat.is_forum ? "forum" : chat.type;
  const doing = (act) => async () => {
    await act().catch((error) => toast(error.message, "bad"));
    await go.reload();
  };
  return [
    hero(paintAvatar(el("span.avatar.large.square"), chat.id, chat.title), chat.title, `${t(kind)} · ${t("members_counted", { n: inside.length })}`),
    chat.description ? el("p.about", { dir: "auto" }, chat.description) : null,
    el("div.actions", {},
      el("button.chip", { type: "button", onclick: doing(() => changeChat(chat)) }, icon("edit"), t("edit")),
      el("button.chip", { type: "button", onclick: (event) => addMenu(event, chat, doing) }, icon("plus"), t("add_member")),
      chat.is_forum ? el("button.chip", { type: "button", onclick: doing(() => addTopic(chat)) }, icon("forum"), t("new_topic")) : null,
      chat.type === "group" ? el("button.chip", { type: "button", onclick: () => upgrade(chat, go) }, icon("group"), t("upgrade")) : null),
    el("h4", {}, t("members")),
    el("ul.members", {}, ...inside.map((member) => memberRow(chat, member, doing))),
    ...(gone.length ? [el("h4", {}, t("banned_people")), el("ul.members", {}, ...gone.map((member) => memberRow(chat, member, doing)))] : []),
    ...(chat.links.length ? [el("h4", {}, t("links")), ...chat.links.map(linkRow)] : []),
    el("h4", {}, t("conversation")),
    transcript(),
  ].filter(Boolean);
}

const linkRow = (link) => el("div.link-row", {}, el("code", {}, link.invite_link), iconButton("copy", t("copy"), () => copy(link.invite_link)));

function memberRow(chat, member, doing) {
  const { user } = member;
  const rank = member.custom_title ?? t(`status_${member.status}`);
  const avatar = paintAvatar(el("span.avatar"), user.id, fullName(user));
  avatar.classList.toggle("bot", user.is_bot);
  const row = el("button.member", { type: "button", onclick: (event) => memberMenu(event, chat, member, doing) }, avatar,
    el("span.line", {}, el("b", { dir: "auto" }, fullName(user)), el("span", {}, user.username ? `@${user.username}` : "")), el("span.rank", {}, rank));
  return el("li", {}, row);
}

const become = (chat, user, status, more = {}) => () => {
  const by = isAdmin(chat, app.me.id) && user.id !== app.me.id ? { by: String(app.me.id) } : {};
  return call("POST", `chats/${chat.id}/members`, { who: String(user.id), status, ...by, ...more });
};

function memberMenu(event, chat, { user, status }, doing) {
  const own = user.id === app.me.id;
  if (status === "creator") return toast(t("owner_stays"));
  menuAt(event.currentTarget, [
    status !== "administrator" && status !== "kicked" && ["star", t("make_admin"), doing(become(chat, user, "administrator"))],
    ["administrator", "restricted"].includes(status) && ["person", t("make_member"), doing(become(chat, user, "member"))],
    !["restricted", "administrator", "kicked"].includes(status) && chat.type === "supergroup" && ["mute", t("make_mute"), doing(become(chat, user, "restricted", { rights: {} }))],
    status === "kicked" ? ["plus", t("unban"), doing(become(chat, user, "left", {}))] : ["back", t(own ? "leave" : "remove"), doing(become(chat, user, "left"))],
    status !== "kicked" && !own && ["block", t("ban"), doing(become(chat, user, "kicked")), "danger"],
  ]);
}

function addMenu(event, chat, doing) {
  const missing = [...app.people, ...app.bots.map((bot) => ({ ...bot, first_name: bot.name, is_bot: true }))].filter((one) => !isIn(chat, one.id));
  if (!missing.length) return toast(t("everybody_is_in"));
  menuAt(event.currentTarget, missing.map((one) => [one.is_bot ? "robot" : "person", fullName(one),
    doing(() => call("POST", `chats/${chat.id}/members`, { who: String(one.id), status: "member", ...(isAdmin(chat, app.me.id) ? { by: String(app.me.id) } : {}) }))]));
}

async function changeChat(chat) {
  const partner = { channel: "supergroup", supergroup: "channel" }[chat.type];
  const linkable = app.chats.filter((other) => other.type === partner);
  const links = Object.fromEntries([["", t("none")], ...linkable.map((other) => [String(other.id), other.title])]);
  const supergroup = chat.type === "supergroup";
  const wanted = await ask(t("edit"), [
    field(t("title"), input("title", { value: chat.title, required: true, maxLength: 128 })),
    field(t("description"), input("description", { value: chat.description ?? "", maxLength: 255 })),
    chat.type === "group" ? null : field(t("public_name"), input("username", { value: chat.username ?? "", pattern: "[A-Za-z][A-Za-z0-9_]{3,}" })),
    supergroup ? el("label.check", {}, el("input", { type: "checkbox", name: "is_forum", checked: Boolean(chat.is_forum) }), el("span", {}, t("with_topics"))) : null,
    linkable.length ? field(t(supergroup ? "linked_channel" : "linked_group"), choice("linked", links, chat.linked ? String(chat.linked) : "")) : null,
  ].filter(Boolean), { submit: t("save") });
  if (!wanted) return;
  if (supergroup) wanted.is_forum = Boolean(wanted.is_forum);
  if (wanted.linked === (chat.linked ? String(chat.linked) : "")) delete wanted.linked;
  const by = memberOf(chat, app.me.id) && isAdmin(chat, app.me.id) ? { by: String(app.me.id) } : {};
  await call("PATCH", `chats/${chat.id}`, { ...wanted, ...by });
}

export async function addTopic(chat) {
  const wanted = await ask(t("new_topic"), [field(t("title"), input("name", { required: true, maxLength: 128 }))], { submit: t("create") });
  if (wanted) await call("POST", `chats/${chat.id}/topics`, { name: wanted.name, by: String(app.me.id) });
}

async function upgrade(chat, go) {
  if (!await confirmed(t("upgrade_sure"), t("upgrade"))) return;
  const made = await call("POST", `chats/${chat.id}/upgrade`, {});
  await loadState();
  go.chat(app.chats.find((other) => other.id === made.id));
}
