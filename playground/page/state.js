// Who one is and which chat is open: what all parts of the page look at.

import { call, get } from "./api.js";
import { fullName } from "./dom.js";
import { language } from "./i18n.js";

export const app = {
  bot: null,
  bots: [],
  people: [],
  chats: [], // groups and channels
  me: null,
  here: null, // the open group or channel; null is the private chat with the bot
  thread: null, // the topic that is shown; null is all of them
  blocked: false,
  online: null, // as the stream last said; null before it did
};

export async function loadState() {
  const state = await get("state", { language: app.me?.language ?? language });
  app.bots = await get("bots");
  app.bot = { ...state.bot, online: app.online ?? state.bot.online }; // the stream is never behind
  app.people = state.users;
  app.chats = state.chats.filter((chat) => !chat.migrated_to);
  if (app.me) app.me = app.people.find((person) => person.id === app.me.id) ?? app.me;
  if (app.here) app.here = app.chats.find((chat) => chat.id === app.here.id) ?? null;
  return state;
}

/** Where an act happens; taken before anything is waited for, as one may go elsewhere meanwhile. */
export const place = () => ({ user: app.me.id, chat: app.here?.id ?? 0, thread: app.thread ?? 0 });

export function act(method, path, body, query = {}, at = place()) {
  const where = at.chat ? { chat: at.chat } : {};
  return call(method, `users/${at.user}/${path}`, body, { ...where, ...query });
}

// Members

const INSIDE = ["creator", "administrator", "member"];

export const memberOf = (chat, id) => chat.members.find((member) => member.user.id === id);

export function isIn(chat, id) {
  const member = memberOf(chat, id);
  return Boolean(member) && (INSIDE.includes(member.status) || Boolean(member.is_member));
}

export const isAdmin = (chat, id) => ["creator", "administrator"].includes(memberOf(chat, id)?.status);

/** Whether one may write in the open chat: "yes", or why not. */
export function permission() {
  if (app.me.deactivated) return "deactivated";
  if (!app.here) return app.blocked ? "blocked" : "yes";
  if (!isIn(app.here, app.me.id)) return memberOf(app.here, app.me.id)?.status === "kicked" ? "banned" : "outside";
  if (app.here.type === "channel" && !isAdmin(app.here, app.me.id)) return "reader";
  return "yes";
}

// Who wrote a message

/** The sender as it is shown: a person, a bot, or a chat in whose name somebody wrote. */
export function sender(message) {
  const chat = message.sender_chat;
  if (chat) return { id: chat.id, name: chat.title, chat: true, signature: message.author ? fullName(message.author) : "" };
  const user = message.from;
  return { id: user.id, name: fullName(user), bot: user.is_bot };
}

/** Who really wrote it, also in a chat's name. */
export const writer = (message) => message.author ?? message.from ?? { id: message.sender_chat?.id ?? 0, is_bot: false, first_name: "" };

export const isOwn = (message) => writer(message).id === app.me?.id;

// What was read: a mark in the browser for each person and chat

const readKey = (person, chat) => `read:${app.bot.id}:${person.id}${chat ? `:${chat.id}` : ""}`;
export const lastRead = (person, chat) => Number(localStorage.getItem(readKey(person, chat)) ?? 0);

export function markRead(id) {
  if (app.me && id > lastRead(app.me, app.here)) localStorage.setItem(readKey(app.me, app.here), String(id));
}

export function unread(person, chat) {
  const read = lastRead(person, chat);
  return (chat ?? person).received.filter((id) => id > read).length;
}
