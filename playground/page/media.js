// What a message holds besides its text: pictures, players, files, places, polls.

import { fileUrl } from "./api.js";
import { colorOf, duration, el, icon, iconButton, number, paintAvatar, fullName, size } from "./dom.js";
import { view } from "./dialogs.js";
import { formatted } from "./entities.js";
import { t } from "./i18n.js";
import { act, app } from "./state.js";

const KINDS = ["photo", "animation", "video", "audio", "voice", "video_note", "sticker", "document", "dice", "venue", "location", "contact", "poll"];

export const kindOf = (message) => KINDS.find((kind) => kind in message) ?? "text";

export const draw = (message) => MEDIA[kindOf(message)](message[kindOf(message)], message);

/** How many pictures of an album stand in each row. */
const ROWS = { 2: [2], 3: [1, 2], 4: [2, 2], 5: [2, 3], 6: [3, 3], 7: [3, 4], 8: [2, 3, 3], 9: [3, 3, 3], 10: [3, 3, 4] };

/** The pictures and videos of an album as a mosaic. */
export function mosaic(messages) {
  const rows = ROWS[messages.length] ?? [1];
  const spans = rows.flatMap((count) => Array(count).fill(12 / count));
  const cells = messages.map((message, index) => {
    const cell = MEDIA[kindOf(message)](message[kindOf(message)], message);
    cell.style.gridColumn = `span ${spans[index]}`;
    cell.dataset.message = message.message_id;
    return cell;
  });
  const grid = el("div.mosaic", { data: { rows: rows.length } }, ...cells);
  grid.style.setProperty("--rows", String(rows.length));
  return grid;
}

const MEDIA = {
  photo(sizes, message) {
    const photo = sizes.at(-1);
    const url = fileUrl(photo.file_id);
    const image = el("img", { src: url, alt: message.caption ?? t("photo"), loading: "lazy", data: { large: url } });
    const open = el("button.open", { type: "button", "aria-label": t("open_photo"), onclick: () => view(image) }, image);
    return veiled(shape(el("div.media", { data: { file: photo.file_id } }, open), photo), message);
  },
  animation(file, message) {
    const url = fileUrl(file.file_id);
    const node = file.mime_type === "image/gif"
      ? el("img", { src: url, alt: t("animation") })
      : el("video", { src: url, autoplay: true, loop: true, muted: true, playsInline: true });
    return veiled(shape(el("div.media", { data: { file: file.file_id } }, node, el("span.mark", {}, "GIF")), file), message);
  },
  video: (file, message) => veiled(shape(el("div.media", { data: { file: file.file_id } },
    el("video", { src: fileUrl(file.file_id), controls: true, preload: "metadata", playsInline: true }),
    file.duration ? el("span.mark", {}, duration(file.duration)) : null), file), message),
  video_note: roundVideo,
  sticker: (file) => el("div.media.sticker", { data: { file: file.file_id } }, sticker(file)),
  audio: (file) => player(file, file.title ?? file.file_name ?? t("audio"), file.performer ?? size(file.file_size)),
  voice: (file) => player(file, t("voice"), ""),
  document: fileCard,
  dice: (dice) => el("div.dice", { "aria-label": `${dice.emoji} ${dice.value}` }, el("span", {}, dice.emoji), el("b", {}, String(dice.value))),
  venue: ({ title, address, location }) => el("div.place", {}, map(location),
    el("span.line", {}, el("b", { dir: "auto" }, title), el("span", { dir: "auto" }, address))),
  location: (location) => el("div.place", {}, map(location), location.live_period
    ? el("span.line", {}, el("b", {}, t("live_location"))) : null),
  contact: (contact) => el("div.file.contact", {},
    paintAvatar(el("span.avatar"), contact.user_id ?? contact.phone_number.length, fullName(contact)),
    el("span.line", {}, el("b", { dir: "auto" }, fullName(contact)), el("a", { href: `tel:${contact.phone_number}` }, contact.phone_number))),
  poll: drawPoll,
};

/** An image or a video; animated ones (TGS) are told by their emoji, since nothing here plays them. */
function sticker(file) {
  const said = file.emoji ?? t("sticker");
  if (file.is_animated) return el("span.still", { role: "img", "aria-label": said }, file.emoji ?? "🖼");
  if (!file.is_video) return el("img", { src: fileUrl(file.file_id), alt: said });
  return el("video", { src: fileUrl(file.file_id), autoplay: true, loop: true, muted: true, playsInline: true, "aria-label": said });
}

/** Hide a picture behind a veil until it is tapped. */
function veiled(box, message) {
  if (!message.has_media_spoiler) return box;
  box.classList.add("hidden");
  const veil = el("button.veil", { type: "button", "aria-label": t("spoiler"), onclick: () => {
    box.classList.remove("hidden");
    veil.remove();
  } });
  box.append(veil);
  return box;
}

/** Keep the place of a picture free before it is there, so that nothing jumps. */
function shape(box, { width, height }) {
  if (width && height) {
    box.classList.add("shaped");
    box.style.setProperty("--ratio", String(width / height));
    box.style.setProperty("--width", `${width}px`);
  }
  return box;
}

function roundVideo(file) {
  const video = el("video", { src: fileUrl(file.file_id), preload: "metadata", playsInline: true });
  const open = el("button.open", { type: "button", "aria-label": t("play"), onclick: () => (video.paused ? video.play() : video.pause()) },
    video, el("span.disc", {}, icon("play")));
  video.addEventListener("play", () => open.classList.add("playing"));
  for (const kind of ["pause", "ended"]) video.addEventListener(kind, () => open.classList.remove("playing"));
  return el("div.media.round", { data: { file: file.file_id } }, open);
}

let playing = null; // one at a time

/** A player for sound: a button, a line to seek on, and the time. */
function player(file, title, note) {
  const audio = el("audio", { src: fileUrl(file.file_id), preload: "none" });
  const button = iconButton("play", t("play"), () => (audio.paused ? audio.play() : audio.pause()));
  const seek = el("input", { type: "range", min: 0, max: 1000, value: 0, "aria-label": t("position") });
  const length = () => (Number.isFinite(audio.duration) ? audio.duration : file.duration || 0);
  const clock = el("span.clock", {}, file.duration ? duration(file.duration) : "");
  const box = el("div.player", { data: { file: file.file_id } }, button,
    el("div.line", {}, el("b", { dir: "auto" }, title), note ? el("span", { dir: "auto" }, note) : null, seek), clock, audio);
  const update = () => {
    const part = length() ? audio.currentTime / length() : 0;
    seek.value = part * 1000;
    seek.style.setProperty("--part", String(part));
    clock.textContent = audio.currentTime ? `${duration(audio.currentTime)} / ${duration(length())}` : duration(length());
  };
  const state = () => {
    button.replaceChildren(icon(audio.paused ? "play" : "pause"));
    button.title = t(audio.paused ? "play" : "pause");
    button.setAttribute("aria-label", button.title);
  };
  button.classList.add("round-button");
  seek.addEventListener("input", () => {
    if (length()) audio.currentTime = (seek.value / 1000) * length();
  });
  audio.addEventListener("timeupdate", update);
  audio.addEventListener("play", () => {
    if (playing && playing !== audio) playing.pause();
    playing = audio;
    state();
  });
  for (const kind of ["pause", "ended"]) audio.addEventListener(kind, state);
  return box;
}

const FAMILIES = {
  pdf: "pdf", doc: "word", docx: "word", odt: "word", rtf: "word", xls: "sheet", xlsx: "sheet", ods: "sheet", csv: "sheet",
  ppt: "slides", pptx: "slides", odp: "slides", zip: "archive", "7z": "archive", rar: "archive", tar: "archive", gz: "archive",
  png: "image", jpg: "image", jpeg: "image", webp: "image", gif: "image", svg: "image",
};

export function fileIcon(name) {
  const suffix = /\.(\w{1,5})$/.exec(name)?.[1].toLowerCase() ?? "";
  return el("span.file-icon", { data: { family: FAMILIES[suffix] ?? "" } }, suffix || icon("file"));
}

function fileCard(file) {
  const name = file.file_name ?? t("document");
  return el("a.file", { href: fileUrl(file.file_id, true), download: name, title: t("download"), data: { file: file.file_id } },
    fileIcon(name), el("span.line", {}, el("b", { dir: "auto" }, name), el("span", {}, size(file.file_size))));
}

/** A place on a map that is only drawn: the page works without a network. */
function map({ latitude, longitude }) {
  const href = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=15/${latitude}/${longitude}`;
  const degrees = (value) => number(value, { maximumFractionDigits: 5 });
  return el("a.map", { href, target: "_blank", rel: "noopener noreferrer", title: t("open_map") },
    icon("place"), el("span", {}, `${degrees(latitude)}, ${degrees(longitude)}`));
}

// Polls

const CHOSEN = new Map(); // poll id → options that are ticked but not sent yet

function drawPoll(poll, message) {
  const own = message.votes?.[app.me.id] ?? [];
  const results = own.length > 0 || poll.is_closed;
  const kind = poll.is_closed ? "poll_closed" : poll.type === "quiz" ? "quiz" : poll.is_anonymous ? "poll_anonymous" : "poll_public";
  const box = el("div.poll", { role: "group", "aria-label": t("poll") },
    el("b.question", { dir: "auto" }, formatted(poll.question, poll.question_entities)),
    el("span.kind", {}, t(kind)),
    ...poll.options.map((option, index) => (results ? result(poll, option, index, own, message) : option_(poll, option, index, message))),
    el("span.total", {}, poll.total_voter_count ? t("votes", { n: poll.total_voter_count }) : t("no_votes")));
  if (poll.allows_multiple_answers && !results) {
    const send = el("button.vote", { type: "button", onclick: () => vote(message, [...(CHOSEN.get(poll.id) ?? [])]) }, t("vote"));
    send.disabled = !CHOSEN.get(poll.id)?.size;
    box.append(send);
  }
  if (results && poll.explanation && poll.type === "quiz") {
    box.append(el("div.explanation", { dir: "auto" }, formatted(poll.explanation, poll.explanation_entities)));
  }
  return box;
}

export const vote = (message, options) => act("POST", "votes", { message_id: message.message_id, options });

function option_(poll, option, index, message) {
  const many = poll.allows_multiple_answers;
  const ticked = CHOSEN.get(poll.id)?.has(index) ?? false;
  const box = el("button.option", { type: "button", role: many ? "checkbox" : "radio", "aria-checked": String(ticked) },
    el(many ? "i.box" : "i.dot"), el("span", { dir: "auto" }, formatted(option.text, option.text_entities)));
  box.addEventListener("click", () => {
    if (!many) return vote(message, [index]);
    const chosen = CHOSEN.get(poll.id) ?? new Set();
    if (!chosen.delete(index)) chosen.add(index);
    CHOSEN.set(poll.id, chosen);
    box.setAttribute("aria-checked", String(chosen.has(index)));
    box.closest(".poll").querySelector(".vote").disabled = !chosen.size;
  });
  return box;
}

function result(poll, option, index, own, message) {
  const share = poll.total_voter_count ? option.voter_count / poll.total_voter_count : 0;
  const correct = poll.correct_option_ids ?? [];
  const sign = poll.type === "quiz" ? (correct.includes(index) ? "check" : own.includes(index) ? "close" : "") : own.includes(index) ? "check" : "";
  const bar = el("i.bar");
  bar.style.width = `${Math.max(share * 100, 1.5)}%`;
  const voters = poll.is_anonymous ? [] : app.people.filter((person) => message.votes?.[person.id]?.includes(index));
  const row = el("div.result", { title: voters.map(fullName).join(", ") },
    el("b", {}, number(share, { style: "percent" })), el("span", { dir: "auto" }, formatted(option.text, option.text_entities)),
    sign && icon(sign), bar,
    voters.length ? el("span.voters", {}, ...voters.slice(0, 3).map((person) => {
      const dot = el("i", { title: fullName(person) });
      dot.dataset.color = colorOf(person.id);
      return dot;
    })) : null);
  if (poll.type === "quiz") row.classList.add(correct.includes(index) ? "right" : own.includes(index) ? "wrong" : "other-answer");
  return row;
}
