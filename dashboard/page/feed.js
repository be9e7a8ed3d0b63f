// What happened to the members, the newest first.
import { announce, el, say } from "./dom.js";
import { clock } from "./format.js";
import { model } from "./model.js";

const most = 200;
/** @type {Map<string, any>} the line of each event */
const seen = new Map();
let list, leading;

/** @param {HTMLElement} parent */
export function build(parent) {
  list = parent;
}

export function show() {
  const fresh = [];
  for (const m of model.members) {
    for (const event of m.report?.events ?? []) {
      const key = `${m.id} ${event.at} ${event.seq}`;
      const known = seen.get(key);
      if (known) again(known, event);
      else fresh.push({ m, key, ...event });
    }
  }
  fresh.sort((a, b) => a.at - b.at);
  for (const event of fresh) {
    const line = make(event);
    seen.set(event.key, line);
    again(line, event);
    list.prepend(line);
  }
  while (list.childElementCount > most) list.lastChild.remove();
  if (seen.size > 5 * most) for (const [key, line] of seen) if (!line.isConnected) seen.delete(key);
  tellLeader();
}

function make(event) {
  const who = el("b", {}, event.m.name);
  who.style.setProperty("--colour", event.m.colour);
  return el("li", {}, el("time"), who, el("span"));
}

/** Shows an event, and how often it happened. */
function again(line, event) {
  const [when, , text] = line.children;
  say(when, clock(event.latest));
  say(text, event.times > 1 ? `${event.text} (${event.times} times since ${clock(event.at)})` : event.text);
}

/** Says aloud who leads, when that changes. */
function tellLeader() {
  if (model.leader === leading) return;
  leading = model.leader;
  announce(leading ? `${leading} leads in term ${model.term}` : "There is no leader");
}
