// The form of a new poll.

import { check, field, input } from "./dialogs.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";

const MOST = 12;

/** The fields; `type` may be settled by who asks. */
export function pollFields(type = "") {
  const options = el("div.options");
  const add = () => {
    const entry = input("options[]", { placeholder: t("option", { n: options.children.length + 1 }), maxLength: 100, "aria-label": t("option", { n: options.children.length + 1 }) });
    entry.required = options.children.length < 1;
    entry.addEventListener("input", () => {
      if (entry === options.lastElementChild && entry.value && options.children.length < MOST) add();
    });
    options.append(entry);
  };
  add();
  add();
  add();
  return [
    field(t("question"), input("question", { required: true, maxLength: 300 })),
    el("div.field", {}, el("span", {}, t("options")), options),
    check("anonymous", t("poll_anonymous"), true),
    type === "quiz" ? null : check("several", t("poll_several")),
    type === "regular" ? null : check("quiz", t("poll_quiz"), type === "quiz"),
  ].filter(Boolean);
}

export function pollBody(given) {
  const options = (given.options ?? []).map((text) => text.trim()).filter(Boolean);
  const quiz = given.quiz ? { type: "quiz", correct_option_id: 0 } : {};
  return { question: given.question, options, is_anonymous: Boolean(given.anonymous), allows_multiple_answers: Boolean(given.several && !given.quiz), ...quiz };
}
