// A list of the keys with a prefix that follows what changes.
import { follow, json } from "./api.js";
import { $, el, keep, say } from "./dom.js";
import { absence } from "./model.js";

const most = 100;
/** The keys on show, by name. @type {Map<string, {value: string, version: number, fresh: number}>} */
let items = new Map();
let more = false, drawing = false, away = false;
let current = new AbortController();

export function build() {
  let typing;
  $("prefix").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(start, 250);
  });
}

export const stop = () => current.abort();

/** Says why there is nothing to follow, and begins anew as soon as there is. */
export function show() {
  const why = absence();
  if (why) say($("keys-state"), items.size ? `as they were: ${why}` : why);
  if (why) stop();
  else if (away) start();
  away = !!why;
}

/** Reads the keys anew and follows them, until the next start. */
export async function start() {
  current.abort();
  if (absence()) return; // show begins when there is somebody to ask
  const mine = (current = new AbortController());
  for (let pause = 500; !mine.signal.aborted; pause = Math.min(2 * pause, 5000)) {
    const prefix = encodeURIComponent($("prefix").value);
    try {
      const page = await json(`/kv/?limit=${most}&prefix=${prefix}`, { signal: mine.signal });
      items = new Map(page.items.map((item) => [item.key ?? item.key64, shown(item, 0)]));
      more = !!page.next;
      draw();
      say($("keys-state"), "live");
      pause = 500;
      await follow(`/watch?prefix=${prefix}&from=${page.revision + 1}`, mine.signal, take);
    } catch (error) {
      if (mine.signal.aborted) return;
      say($("keys-state"), error.status === 401 || error.status === 403 ? "your token may not read them" : "waiting for the member");
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

const shown = (item, fresh) => ({ value: item.value ?? `${item.value64?.length ?? 0} characters of base64`, version: item.version, fresh });

/** Takes what a command has changed. */
function take({ event, data }) {
  if (event === "end") return;
  const last = [...items.keys()].pop() ?? "";
  for (const change of data.events) {
    const key = change.key ?? change.key64;
    if (change.removed) items.delete(key);
    else if (items.has(key) || !more || key < last) items.set(key, shown(change, Date.now()));
  }
  if (items.size > most) {
    items = new Map([...items].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, most));
    more = true;
  }
  if (!drawing) {
    drawing = true;
    setTimeout(draw, 200); // a busy store changes more often than eyes can follow
  }
}

function draw() {
  drawing = false;
  const rows = [...items].sort(([a], [b]) => (a < b ? -1 : 1));
  keep($("key-rows"), rows, ([key]) => key, ([key]) => {
    const row = el("tr", {}, el("td", {}, key));
    row.append((row.value = el("td")), (row.version = el("td.number")));
    return row;
  }, (row, [, item]) => {
    say(row.value, item.value.slice(0, 120));
    row.value.title = item.value.slice(0, 1000);
    say(row.version, String(item.version));
    if (item.fresh && item.fresh !== row.drawn) {
      row.drawn = item.fresh;
      row.classList.remove("fresh");
      requestAnimationFrame(() => row.classList.add("fresh"));
    }
  });
  if (!rows.length) say($("keys-state"), "none yet");
  else say($("keys-state"), more ? `the first ${rows.length}, live` : "live");
}
