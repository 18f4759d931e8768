// Service messages in words.

import { fullName, joined } from "./dom.js";
import { t } from "./i18n.js";
import { sender } from "./state.js";

const names = (users) => joined(users.map(fullName));

const WORDS = {
  new_chat_members(users, who, message) {
    const itself = users.length === 1 && users[0].id === (message.author ?? message.from)?.id;
    return itself ? t("service_joined", { who }) : t("service_added", { who, whom: names(users) });
  },
  left_chat_member(user, who, message) {
    const itself = user.id === (message.author ?? message.from)?.id;
    return itself ? t("service_left", { who }) : t("service_removed", { who, whom: fullName(user) });
  },
  new_chat_title: (title, who) => t("service_title", { who, title }),
  new_chat_photo: (_, who) => t("service_photo", { who }),
  delete_chat_photo: (_, who) => t("service_no_photo", { who }),
  group_chat_created: (_, who) => t("service_created", { who }),
  supergroup_chat_created: (_, who) => t("service_created", { who }),
  channel_chat_created: () => t("service_channel"),
  migrate_to_chat_id: () => t("service_upgraded"),
  migrate_from_chat_id: () => t("service_upgraded"),
  pinned_message: (message, who, _, preview) => t("service_pinned", { who, what: shorten(preview(message)) }),
  forum_topic_created: ({ name }, who) => t("service_topic", { who, name }),
  forum_topic_edited: ({ name = "…" }, who) => t("service_topic_renamed", { who, name }),
  forum_topic_closed: (_, who) => t("service_topic_closed", { who }),
  forum_topic_reopened: (_, who) => t("service_topic_reopened", { who }),
  general_forum_topic_hidden: (_, who) => t("service_general_hidden", { who }),
  general_forum_topic_unhidden: (_, who) => t("service_general_shown", { who }),
  users_shared: ({ user_ids: ids }, who) => t("service_users_shared", { who, n: ids.length }),
  chat_shared: (_, who) => t("service_chat_shared", { who }),
};

const kindOf = (message) => Object.keys(WORDS).find((kind) => kind in message);

export const isService = (message) => kindOf(message) !== undefined;

/** The message in words; `preview` makes a line of a message. */
export function serviceWords(message, preview) {
  const kind = kindOf(message);
  return WORDS[kind](message[kind], sender(message).name, message, preview);
}

const shorten = (text) => (text.length > 40 ? `${text.slice(0, 40).trimEnd()}…` : text);
