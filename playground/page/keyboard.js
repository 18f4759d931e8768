// The bot's reply keyboard, and what its buttons ask for.

import { ask, confirmed, field, input, toast, choice } from "./dialogs.js";
import { $, el, fullName, icon, openLink } from "./dom.js";
import { pollBody, pollFields } from "./polls.js";
import { t } from "./i18n.js";
import { act, app, isIn } from "./state.js";

const HERE = { latitude: 52.520008, longitude: 13.404954 };
const SIGNS = { request_contact: "person", request_location: "place", request_users: "group", request_chat: "channel", request_poll: "poll", web_app: "window" };

export class BotKeyboard {
  #markup = null;
  #view;

  constructor(view) {
    this.#view = view;
    $("keyboard-toggle").addEventListener("click", () => {
      $("keyboard").hidden = !$("keyboard").hidden;
      this.#view.focus();
    });
  }

  get placeholder() {
    return this.#markup?.input_field_placeholder ?? "";
  }

  set(markup) {
    this.#markup = markup?.keyboard ? markup : null;
    const rows = this.#markup?.keyboard ?? [];
    $("keyboard").hidden = !rows.length;
    $("keyboard-toggle").hidden = !rows.length || Boolean(markup.is_persistent);
    $("keyboard").classList.toggle("tall", rows.length > 0 && !markup.resize_keyboard);
    $("keyboard").replaceChildren(...rows.map((row) => el("div.row", {}, ...row.map((button) => this.#button(button)))));
    this.#view.changed();
  }

  #button(given) {
    const button = typeof given === "string" ? { text: given } : given;
    const sign = Object.keys(SIGNS).find((kind) => button[kind]);
    const node = el("button", { type: "button", onclick: () => this.#press(button).catch((error) => toast(error.message, "bad")) },
      sign ? icon(SIGNS[sign]) : null, el("span", { dir: "auto" }, button.text));
    if (button.style) node.classList.add(button.style);
    return node;
  }

  async #press(button) {
    if (button.web_app) return openLink(button.web_app.url);
    const asked = Object.keys(ASKS).find((kind) => button[kind]);
    if (asked) {
      const given = await ASKS[asked](button[asked]);
      if (!given) return;
      await act("POST", "press", { text: button.text, ...given });
    } else {
      this.#view.say(button.text);
    }
    if (this.#markup?.one_time_keyboard) $("keyboard").hidden = true;
  }
}

/** What the buttons that ask for something ask one. */
const ASKS = {
  request_contact: async () => (await confirmed(t("share_number", { name: app.bot.first_name }), t("share"))) && {},
  request_location: async () => {
    const location = await askLocation();
    return location && { location };
  },
  async request_users({ max_quantity: most = 1 }) {
    const people = Object.fromEntries(app.people.map((person) => [String(person.id), fullName(person)]));
    const boxes = Object.entries(people).map(([value, name], index) =>
      el("label.check", {}, el("input", { type: most > 1 ? "checkbox" : "radio", name: "users[]", value, checked: index === 0 }), el("span", {}, name)));
    const given = await ask(t("share_people", { n: most }), boxes, { submit: t("share") });
    return given?.users && { users: given.users };
  },
  async request_chat({ chat_is_channel: channel }) {
    const fitting = app.chats.filter((chat) => (chat.type === "channel") === Boolean(channel) && isIn(chat, app.me.id));
    if (!fitting.length) {
      toast(t(channel ? "no_channels" : "no_groups"), "bad");
      return null;
    }
    const options = Object.fromEntries(fitting.map((chat) => [String(chat.id), chat.title]));
    const given = await ask(t("share_chat"), [choice("chat", options, "")], { submit: t("share") });
    return given && { shared_chat: given.chat };
  },
  async request_poll({ type }) {
    const given = await ask(t("new_poll"), pollFields(type), { submit: t("send"), kind: "wide" });
    return given && { poll: pollBody(given) };
  },
};

export async function askLocation() {
  const number = (name, value) => input(name, { value: String(value), inputMode: "decimal", required: true, pattern: "-?\\d{1,3}([.,]\\d+)?", dir: "ltr" });
  const given = await ask(t("location"), [
    field(t("latitude"), number("latitude", HERE.latitude)),
    field(t("longitude"), number("longitude", HERE.longitude)),
  ], { submit: t("send") });
  const degrees = (text) => Number(text.replace(",", "."));
  return given && { latitude: degrees(given.latitude), longitude: degrees(given.longitude) };
}
