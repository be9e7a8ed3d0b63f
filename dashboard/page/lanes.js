// The log as lanes, one a member. A cell is an entry, or several when they come too fast
// to see one by one.
import { announce, el, keep, say, set } from "./dom.js";
import { clock, count, plural } from "./format.js";
import { answers, model } from "./model.js";

const cellWidth = 30; // pixels
let body, axis, box, ask;
/** Entries in a cell. */
let scale = 1;
let chosen = 0;
/** Smoothed growth of the log, entries a second. */
let growth = 0, before = { at: 0, last: 0 };

/** @param {HTMLElement} lanes @param {HTMLElement} entry @param {(from: number, count: number) => Promise<any[]>} fetchEntries */
export function build(lanes, entry, fetchEntries) {
  [body, box, ask] = [lanes, entry, fetchEntries];
  body.style.setProperty("--cell", `${cellWidth}px`);
  axis = el("div.axis", { ariaHidden: "true" });
  body.addEventListener("click", (event) => {
    const cell = /** @type {any} */ (event.target).closest(".cell");
    if (cell) choose(cell);
  });
  body.addEventListener("keydown", steer);
}

/** Arrow keys go from entry to entry, and from lane to lane. */
function steer(event) {
  const cell = /** @type {any} */ (document.activeElement);
  if (!cell?.classList.contains("cell")) return;
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step) return;
  event.preventDefault();
  const tracks = [...body.querySelectorAll(".track")];
  const track = tracks[tracks.indexOf(cell.parentNode) + step[1]];
  const next = [...(track?.children ?? [])].find((other) => other.first === cell.first + step[0] * scale);
  if (next) {
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

export function show() {
  const members = model.members.filter((m) => m.report);
  const last = Math.max(0, ...members.map((m) => m.report.last));
  measure(last);
  const parts = [...members.flatMap((m) => [{ m, kind: "name" }, { m, kind: "track" }, { m, kind: "end" }]), { kind: "axis" }];
  keep(body, parts, ({ m, kind }) => `${kind} ${m?.name ?? ""}`, makePart, () => {});
  const wide = axis.clientWidth || 300;
  const cells = Math.max(4, Math.floor(wide / cellWidth));
  const end = Math.ceil((last + 1) / scale) * scale; // the last cell may still fill up
  const first = Math.max(0, end / scale - cells) * scale + 1;
  for (const part of body.children) {
    const m = members.find((m) => `${m.name}` === part.member);
    if (m) showPart(part, m, { first, end, last });
  }
  showAxis(first, cells);
}

/** Chooses how many entries a cell stands for: so many that they can be followed by eye. */
function measure(last) {
  const now = performance.now();
  if (before.at) {
    const passed = (now - before.at) / 1000;
    if (passed < 0.15) return;
    const rate = Math.max(0, last - before.last) / passed;
    growth += (rate - growth) * Math.min(1, passed / 1.5);
  }
  before = { at: now, last };
  const bearable = 15; // cells a second
  while (growth / scale > bearable && scale < 1 << 20) scale *= 2;
  while (scale > 1 && growth / scale < bearable / 4) scale /= 2;
}

function makePart({ m, kind }) {
  if (kind === "axis") return axis;
  const part = el({ name: "div.lane-name", track: "div.track", end: "div.lane-end" }[kind]);
  part.member = m.name;
  part.kind = kind;
  if (kind === "name") part.append(m.name, (part.note = el("small")));
  if (kind === "track") set(part, { role: "group", "aria-label": `Log of ${m.name}` });
  return part;
}

function showPart(part, m, view) {
  const r = m.report;
  part.style.setProperty("--colour", m.colour);
  part.classList.toggle("away", !answers(m));
  const behind = view.last - r.last;
  if (part.kind === "name") return say(part.note, behind > 0 ? `−${count(behind)}` : "");
  if (part.kind === "end") return say(part, behind > 0 ? `${plural(behind, "entry", "entries")} behind` : `at ${count(r.last)}`);
  const cells = [];
  for (let first = view.first; first < view.end && first <= r.last; first += scale) cells.push(first);
  keep(part, cells, (first) => `${scale}:${first}`, (first) => makeCell(first, m), (cell, first) => {
    cell.style.transform = `translateX(${((first - view.first) / scale) * cellWidth}px)`;
    const state = stateOf(first, Math.min(first + scale - 1, r.last), r);
    cell.className = `cell ${state}`;
    cell.state = state;
    set(cell, { "aria-current": first === chosen ? "true" : null, tabIndex: first === cells[cells.length - 1] ? 0 : -1 });
    say(cell, scale === 1 && first % 5 === 0 && answers(m) ? String(first % 1000) : ""); // a lane that is faded would show them too faintly
    cell.setAttribute("aria-label", `${scale === 1 ? `Entry ${first}` : `Entries ${first} to ${first + scale - 1}`} on ${m.name}: ${state}`);
  });
}

function makeCell(first, m) {
  const cell = el("button.cell", { type: "button" });
  cell.first = first;
  cell.member = m.name;
  return cell;
}

/** How far entries up to one are on a member. */
function stateOf(first, last, r) {
  if (first <= r.compacted) return "compacted";
  if (last <= r.applied) return "applied";
  if (last <= r.commit) return "committed";
  if (last <= r.durable) return "durable";
  return "appended";
}

function showAxis(first, cells) {
  const marks = [];
  for (let i = 0; i < cells; i += 5) marks.push({ i, index: first + i * scale });
  keep(axis, marks, ({ i }) => String(i), () => el("span"), (mark, { i, index }) => {
    mark.style.left = `${(i + 0.5) * cellWidth}px`;
    mark.style.translate = i ? "" : "0";
    say(mark, count(index));
  });
}

/** Shows the entry of a cell. */
async function choose(cell) {
  chosen = cell.first;
  const span = scale;
  box.hidden = false;
  if (cell.state === "appended" || cell.state === "durable") {
    box.replaceChildren(el("h3", {}, `Entry ${count(cell.first)}`), el("p", {}, `It is ${cell.state === "durable" ? "on the disk of" : "in the memory of"} ${cell.member}, and not known to be committed yet: another leader might still replace it.`));
    return;
  }
  try {
    const found = await ask(cell.first, Math.min(span, 20));
    box.replaceChildren(...(found.length > 1 ? [list(found)] : found.length ? found.map(card) : [el("p", {}, `${model.self} has not applied entry ${count(cell.first)} yet. Try again in a moment.`)]));
    if (span > found.length && span > 1) box.append(el("p.hint", {}, `The cell stands for ${count(span)} entries.`));
    announce(box.textContent);
  } catch (error) {
    box.replaceChildren(el("h3", {}, `Entry ${count(cell.first)}`), el("p", {}, error.message));
  }
}

/** Several entries, a line each. */
function list(found) {
  const rows = found.map((e) => el("tr", {}, el("td.number", {}, count(e.index)), el("td.number", {}, String(e.term)), el("td", {}, e.does?.join("; ") ?? e.kind)));
  const head = el("tr", {}, ...["Entry", "Term", "What it does"].map((title, i) => el(i < 2 ? "th.number" : "th", { scope: "col" }, title)));
  return el("div.scroll", { tabIndex: 0 }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)));
}

const kinds = {
  noop: "the first of a leader's term: it holds nothing, and lets all before it be committed",
  membership: "who the members are, from here on",
  session: "a session, so that no command of a member runs twice",
  command: "a command",
  relayed: "a command of a caller outside, in a session of its own",
};

function card(e) {
  const lines = e.hidden ? ["your token may not read the keys that it is about"] : e.does ?? [];
  return el("article", {},
    el("h3", {}, `Entry ${count(e.index)} of term ${e.term}`),
    el("p.hint", {}, `${kinds[e.kind] ?? e.kind} · ${plural(e.size, "byte")} · ${clock(e.at)}`),
    ...(lines.length ? [el("pre", {}, lines.join("\n"))] : []));
}
