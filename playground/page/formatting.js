// What one types into text with entities and back: **bold**, __italic__, ++underline++,
// ~~strike~~, ||spoiler||, `code`, ```language code blocks``` and [text](https://…).

const MARKS = { "**": "bold", __: "italic", "++": "underline", "~~": "strikethrough", "||": "spoiler", "`": "code" };
const SIGNS = Object.fromEntries(Object.entries(MARKS).map(([mark, type]) => [type, mark]));
const TOKEN = /```(?:([\w+#.-]{1,32})\n)?([\s\S]+?)```|`([^`\n]+)`|\[([^[\]\n]+)\]\(([^()\s]+)\)|(\*\*|__|\+\+|~~|\|\|)(?=\S)([\s\S]*?\S)\6(?!\w)/;

/** Keys with Ctrl or ⌘ and the mark that each puts around the selection. */
export const SHORTCUTS = { b: "**", i: "__", u: "++", m: "`", "shift+x": "~~", "shift+p": "||", "shift+m": "`" };

/** `{text, entities}` of what was typed; `entities` is left out when there are none. */
export function parse(source) {
  const out = { text: "", entities: [] };
  read(source, out);
  const end = out.text.length - out.text.trimEnd().length;
  const start = out.text.length - out.text.trimStart().length;
  const text = out.text.trim();
  const entities = out.entities
    .map((entity) => ({ ...entity, offset: entity.offset - start }))
    .map((entity) => (entity.offset < 0 ? { ...entity, length: entity.length + entity.offset, offset: 0 } : entity))
    .map((entity) => ({ ...entity, length: Math.min(entity.length, text.length - entity.offset) }))
    .filter((entity) => entity.length > 0);
  return end >= 0 && entities.length ? { text, entities } : { text };
}

function read(source, out) {
  let rest = source;
  for (let found = TOKEN.exec(rest); found; found = TOKEN.exec(rest)) {
    const [whole, syntax, block, code, label, url, mark, inside] = found;
    const before = rest[found.index - 1] ?? "";
    if (mark && /\w/.test(before)) { // as in snake__case
      out.text += rest.slice(0, found.index + mark.length);
      rest = rest.slice(found.index + mark.length);
      continue;
    }
    out.text += rest.slice(0, found.index);
    const offset = out.text.length;
    const entity = { type: "", offset, length: 0 };
    out.entities.push(entity);
    if (block !== undefined) {
      Object.assign(entity, { type: "pre" }, syntax ? { language: syntax } : {});
      out.text += block.replace(/^\n|\n$/g, "");
    } else if (code !== undefined) {
      entity.type = "code";
      out.text += code;
    } else if (label !== undefined) {
      Object.assign(entity, { type: "text_link", url });
      read(label, out);
    } else {
      entity.type = MARKS[mark];
      read(inside, out);
    }
    entity.length = out.text.length - offset;
    rest = rest.slice(found.index + whole.length);
  }
  out.text += rest;
}

/** How a text with entities is typed. */
export function unparse(text, entities = []) {
  const inserted = [];
  for (const { type, offset, length, url, language } of entities) {
    const [open, close] = marksOf(type, url, language);
    if (open) inserted.push([offset, 1, open], [offset + length, 0, close]);
  }
  inserted.sort((a, b) => b[0] - a[0] || b[1] - a[1]);
  return inserted.reduce((result, [at, , mark]) => result.slice(0, at) + mark + result.slice(at), text);
}

function marksOf(type, url, language) {
  if (type === "pre") return [`\`\`\`${language ? `${language}\n` : ""}`, "```"];
  if (type === "text_link") return ["[", `](${url})`];
  return [SIGNS[type], SIGNS[type]];
}

/** Put a mark around what is selected in a field, or take it away when it is there. */
export function wrap(field, mark, close = mark) {
  const { selectionStart: from, selectionEnd: to, value } = field;
  const chosen = value.slice(from, to);
  const around = value.slice(from - mark.length, from) === mark && value.slice(to, to + close.length) === close;
  if (around) {
    field.setRangeText(chosen, from - mark.length, to + close.length, "select");
  } else {
    field.setRangeText(mark + chosen + close, from, to, "select");
    field.setSelectionRange(from + mark.length, from + mark.length + chosen.length);
  }
  field.dispatchEvent(new Event("input"));
}
