// The members as a picture: who leads, who hears whom, and messages on their way.
import { el, keep, say, set, svg } from "./dom.js";
import { time } from "./format.js";
import { alive, answers, hears, leader, model, role, roundTrip } from "./model.js";

const width = 34, height = 25; // in the units of the stylesheet's aspect ratio
const still = matchMedia("(prefers-reduced-motion: reduce)");
/** How long a role that passes in a moment is shown. */
const glimpse = 900;

let edges, sparks, nodes, middles;
/** @type {Map<string, {role: string, until: number}>} what events say that members were, for a moment */
const passing = new Map();
const seen = new Map();
let lastOfLeader = 0;

/** @param {HTMLElement} parent @param {(a: string, b: string, cut: boolean) => void} cut */
export function build(parent, cut) {
  edges = svg("g");
  sparks = svg("g");
  const drawing = svg("svg", { viewBox: `0 0 ${width * 10} ${height * 10}`, preserveAspectRatio: "none", "aria-hidden": "true" }, edges, sparks);
  nodes = el("ul");
  middles = el("ul");
  parent.append(drawing, middles, nodes);
  middles.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) cut(button.a, button.b, button.getAttribute("aria-pressed") !== "true");
  });
}

/** Where the members stand: on an ellipse, the first at the top. */
function places(count) {
  return Array.from({ length: count }, (_, i) => {
    if (count === 1) return { x: width / 2, y: height / 2 };
    const angle = -Math.PI / 2 + (2 * Math.PI * i) / count;
    const wide = count === 2 ? 9 : 12.2;
    return { x: width / 2 + wide * Math.cos(angle), y: height / 2 + 1.1 + 8 * Math.sin(angle) };
  });
}

function move(node, p) {
  node.style.left = `${(100 * p.x) / width}%`;
  node.style.top = `${(100 * p.y) / height}%`;
}

/** The state of the link between two members, and in words. */
function link(a, b) {
  if (!alive(a) || !alive(b)) return ["", ""];
  const there = hears(a, b), back = hears(b, a);
  if (there === false && back === false) return ["broken", "nothing comes through"];
  if (there === false || back === false) {
    if (there === undefined || back === undefined) return ["broken", "nothing comes through"];
    return ["half", there ? `${b.name} does not hear ${a.name}` : `${a.name} does not hear ${b.name}`];
  }
  if (there || back) return ["whole", ""];
  return ["", ""];
}

export function show() {
  const members = model.members, spots = places(members.length), now = Date.now();
  const pairs = members.flatMap((a, i) => members.slice(i + 1).map((b, k) => ({ a, b, p: spots[i], q: spots[i + 1 + k] })));
  keep(edges, pairs, ({ a, b }) => `${a.name}-${b.name}`, () => svg("line"), (line, { a, b, p, q }) => {
    const [state] = link(a, b);
    for (const [name, value] of Object.entries({ x1: p.x * 10, y1: p.y * 10, x2: q.x * 10, y2: q.y * 10, class: `edge ${state}` })) {
      if (line.getAttribute(name) !== String(value)) line.setAttribute(name, String(value));
    }
  });
  keep(middles, pairs, ({ a, b }) => `${a.name}-${b.name}`, makeMiddle, showMiddle);
  members.forEach((m, i) => (m.place = spots[i]));
  for (const m of members) glance(m, now);
  keep(nodes, members, (m) => m.name, makeNode, (node, m) => showNode(node, m, now));
  send(members);
}

function makeMiddle({ a, b }) {
  const li = el("li.middle");
  li.text = el("span.rtt", { title: "how long a word and its answer take" });
  li.button = el("button", { type: "button", textContent: "✂" });
  li.button.a = a.name;
  li.button.b = b.name;
  li.append(li.button, li.text);
  return li;
}

function showMiddle(li, { a, b, p, q }) {
  move(li, { x: (p.x + q.x) / 2, y: (p.y + q.y) / 2 });
  const [state, words] = link(a, b);
  const rtt = roundTrip(a, b) || roundTrip(b, a);
  say(li.text, words || (state === "whole" && rtt ? time(rtt) : ""));
  li.text.classList.toggle("bad", !!words);
  li.text.hidden = !li.text.textContent;
  const isCut = model.stage?.cuts.some(([x, y]) => (x === a.name && y === b.name) || (x === b.name && y === a.name)) ?? false;
  li.button.hidden = !model.stage || !model.admin;
  set(li.button, { "aria-pressed": String(isCut), "aria-label": `Cut the link between ${a.name} and ${b.name}`, title: isCut ? "Join the link again" : "Cut the link" });
}

/** Catches a role that a member had between two frames: else no election would be seen. */
function glance(m, now) {
  for (const event of m.report?.events ?? []) {
    const key = `${m.id}@${event.at}/${event.seq}/${event.times}`;
    if (seen.has(key)) continue;
    const first = !seen.size;
    seen.set(key, now);
    if (seen.size > 500) seen.delete(seen.keys().next().value);
    if (!first && event.role?.includes("candidate") && Date.now() + model.skew - event.latest < 3000) {
      passing.set(m.name, { role: "candidate", until: now + glimpse });
      for (const other of model.members) if (other !== m) spark(m, other, "vote");
    }
  }
}

function makeNode(m) {
  const node = el("a.node");
  node.append((node.name_ = el("strong")), (node.role_ = el("small")), (node.term_ = el("small")));
  return el("li", {}, node);
}

function showNode(li, m, now) {
  const node = li.firstChild;
  const glimpsed = passing.get(m.name);
  const is = glimpsed && glimpsed.until > now ? glimpsed.role : role(m);
  move(node, m.place);
  say(node.name_, m.name);
  say(node.role_, is);
  say(node.term_, m.report?.term ? `term ${m.report.term}` : "");
  const state = is === "candidate" ? "candidate" : !answers(m) ? "away" : is === "leader" ? "leader" : is === "learner" ? "learner" : "";
  node.className = `node ${state}${m.actor?.full || m.actor?.slow ? " bad" : ""}`;
  node.style.setProperty("--colour", m.colour);
  const there = m.actor?.http ?? m.report?.http;
  set(node, { href: there && m.name !== model.self ? there : null, title: there && m.name !== model.self ? `Open ${m.name}'s own page` : null });
}

/** Lets messages travel when the leader has appended something. */
function send(members) {
  const from = leader();
  if (!from || !answers(from)) return;
  if (from.report.last > lastOfLeader && lastOfLeader > 0) {
    for (const m of members) if (m !== from && answers(m) && hears(m, from) !== false) spark(from, m, "");
  }
  lastOfLeader = from.report.last;
}

function spark(a, b, kind) {
  if (still.matches || document.hidden || !a.place || !b.place || sparks.childElementCount > 24) return;
  const dot = svg("circle", { r: kind ? 5 : 4, class: `spark ${kind}` });
  sparks.append(dot);
  const path = [{ transform: `translate(${a.place.x * 10}px, ${a.place.y * 10}px)` }, { transform: `translate(${b.place.x * 10}px, ${b.place.y * 10}px)` }];
  dot.animate(path, { duration: kind ? 500 : 320, easing: "ease-in-out" }).onfinish = () => dot.remove();
}
