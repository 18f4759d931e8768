// The control API, as far as the page needs it.

export const BOT = new URLSearchParams(location.search).get("bot") ?? "";

export function address(path, query = {}) {
  const url = new URL(`/control/${path}`, location.origin);
  if (BOT) url.searchParams.set("bot", BOT);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  return url;
}

export async function call(method, path, body, query) {
  const options = { method };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "content-type": "application/json" };
  }
  const response = await fetch(address(path, query), options);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? response.statusText);
  return answer;
}

export const get = (path, query) => call("GET", path, undefined, query);

/** Send a form with files; `onProgress` gets 0…1. Gives the request, to be aborted. */
export function upload(path, form, query, onProgress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onload = () => {
      const answer = JSON.parse(request.responseText || "{}");
      if (request.status < 400) resolve(answer);
      else reject(new Error(answer.error ?? request.statusText));
    };
    request.onerror = () => reject(new Error("connection"));
    request.onabort = () => reject(new Error("aborted"));
  });
  request.open("POST", address(path, query));
  request.send(form);
  return { done, abort: () => request.abort() };
}

/** Follow a chat. The browser reconnects by itself; `onOpen` is called each time. */
export function follow({ user, chat }, after, { onEvent, onOpen, onLost }) {
  const source = new EventSource(address(`users/${user}/stream`, { after, ...(chat ? { chat } : {}) }));
  source.onopen = onOpen;
  source.onmessage = (event) => onEvent(JSON.parse(event.data));
  source.onerror = () => onLost();
  return source;
}

export const fileUrl = (id, download = false) =>
  `/control/files/${encodeURIComponent(id)}${download ? "?download=1" : ""}`;
