// What the page asks its member. The token stays here, in memory.

let token = "";

/** @param {string} value */
export function setToken(value) {
  token = value;
}

/** An answer that is an error, with the code that programs read. */
export class Refused extends Error {
  /** @param {number} status @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @param {Response} response */
async function refusal(response) {
  const body = await response.json().catch(() => ({}));
  const { code = "unknown", message = `the member answers ${response.status}` } = body.error ?? {};
  return new Refused(response.status, code, message);
}

/** Asks, and throws Refused for what is no success. @param {string} path @param {RequestInit} [init] */
export async function ask(path, init = {}) {
  const headers = new Headers(init.headers);
  if (token) headers.set("Authorization", `Bearer ${token}`);
  const response = await fetch(path, { cache: "no-store", ...init, headers });
  if (!response.ok) throw await refusal(response);
  return response;
}

export const json = async (path, init) => (await ask(path, init)).json();

/** Does something to the members of a stage. @param {string} what @param {string} [member] @param {string} [other] */
export const act = (what, member, other) => ask("/dashboard/do", { method: "POST", body: JSON.stringify({ do: what, member, other }) });

/**
 * Reads server-sent events, with the token that EventSource cannot send, until the stream
 * ends, which it never does by itself but for a reason.
 * @param {string} path @param {AbortSignal} signal @param {(event: {event: string, data: any}) => void} take
 */
export async function follow(path, signal, take) {
  const response = await ask(path, { signal });
  const reader = /** @type {ReadableStream} */ (response.body).pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      let event = "message", data = "";
      for (const line of part.split("\n")) {
        if (line.startsWith("event: ")) event = line.slice(7);
        if (line.startsWith("data: ")) data += line.slice(6);
      }
      if (data) take({ event, data: JSON.parse(data) });
    }
  }
}

const keyPath = (key) => `/kv/${encodeURIComponent(key)}`;
export const put = (key, value, headers = {}) => json(keyPath(key), { method: "PUT", body: value, headers });
/** The header that has a stage ask another member than the page's own. @param {string} member */
export const through = (member) => ({ "Balsa-Demo-Through": member });
export const del = (key) => json(keyPath(key), { method: "DELETE" });
export async function get(key) {
  const response = await ask(keyPath(key));
  return { value: await response.text(), version: response.headers.get("ETag") ?? "" };
}
