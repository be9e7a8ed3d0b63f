// What is to be known of each member, and what can be done to it on a stage.
import { el, keep, say, set } from "./dom.js";
import { bytes, count, time } from "./format.js";
import { answers, model, role, roundTrip, leader } from "./model.js";

/** What can be done: the word, what its button says, and when there is such a button. */
const deeds = [
  { does: "start", says: "Start", when: (a) => a.state === "stopped" },
  { does: "stop", says: "Stop", when: (a) => a.state === "running" || a.state === "paused", hint: "in order: it hands leadership over" },
  { does: "kill", says: "Kill", when: (a) => a.state === "running" || a.state === "paused", hint: "as if its process died" },
  { does: "pause", says: "Pause", undo: "resume", is: (a) => a.state === "paused", when: (a) => a.state === "running" || a.state === "paused", hint: "it stands still, its connections stay" },
  { does: "slow", says: "Slow disk", undo: "quick", is: (a) => a.slow, when: () => true, hint: "each sync takes 200 ms longer" },
  { does: "fill", says: "Full disk", undo: "empty", is: (a) => a.full, when: () => true, hint: "no file can grow any more" },
  { does: "flip", says: "Flip a byte", when: (a) => a.state !== "starting" && a.state !== "stopping", hint: "kills it, inverts a byte of its log, starts it again" },
];

/** @param {HTMLElement} list @param {(what: string, member: string) => void} act */
export function build(list, act) {
  list.addEventListener("click", (event) => {
    const button = /** @type {any} */ (event.target).closest("button[data-does]");
    if (button) act(button.getAttribute("aria-pressed") === "true" ? button.dataset.undo : button.dataset.does, button.dataset.member);
  });
}

/** @param {HTMLElement} list */
export function show(list) {
  keep(list, model.members, (m) => m.name, make, fill);
}

const facts = ["Term", "Last entry", "Committed", "Applied", "fsync", "Round trip", "On disk", "Snapshot"];

function make(m) {
  const li = el("li.member", { id: `member-${m.name}` });
  li.badge = el("span.badge");
  li.where = el("a", { textContent: "its page" });
  li.facts = {};
  const list = el("dl.facts");
  for (const name of facts) list.append(el("dt", {}, name), (li.facts[name] = el("dd")));
  li.why = el("p.why");
  li.hurt = el("div.hurt", { role: "group", ariaLabel: `Hurt ${m.name}` });
  for (const deed of deeds) {
    const button = el("button", { type: "button", textContent: deed.says, title: deed.hint ?? "" });
    Object.assign(button.dataset, { does: deed.does, undo: deed.undo ?? "", member: m.name });
    button.setAttribute("aria-label", `${deed.says} ${m.name}${deed.hint ? `: ${deed.hint}` : ""}`);
    button.deed = deed;
    li.hurt.append(button);
  }
  li.append(el("h3", {}, m.name, li.badge, li.where), list, li.why, li.hurt);
  return li;
}

function fill(li, m) {
  const r = m.report, is = role(m);
  li.style.setProperty("--colour", m.colour);
  say(li.badge, is);
  li.badge.className = `badge ${is === "leader" || is === "candidate" ? is : answers(m) ? "" : "bad"}`;
  const there = m.actor?.http ?? r?.http;
  li.where.hidden = !there || m.name === model.self;
  if (there) set(li.where, { href: there, "aria-label": `${m.name}: its page` });
  const to = leader();
  const values = r
    ? [count(r.term), count(r.last), count(r.commit), count(r.applied),
      r.sample.sync?.p99 ? time(r.sample.sync.p50) : "–",
      to && to !== m && roundTrip(m, to) ? `${time(roundTrip(m, to))}` : "–",
      bytes(r.log_bytes), r.writing ? written(r.writing) : r.snapshot ? `at ${count(r.snapshot)}` : "–"]
    : facts.map(() => "–");
  facts.forEach((name, i) => say(li.facts[name], values[i]));
  say(li.why, why(m));
  li.why.hidden = !li.why.textContent;
  const hurt = model.stage && model.admin && m.actor;
  li.hurt.hidden = !hurt;
  if (hurt) for (const button of li.hurt.children) showDeed(button, m.actor);
}

/** How far the snapshot is that a member takes. The one before may have been smaller. */
const written = ({ bytes: done, size }) => `${bytes(done)}${size ? ` (${Math.min(99, Math.floor((100 * done) / size))}%)` : ""}`;

function showDeed(button, actor) {
  const { deed } = button;
  button.hidden = !deed.when(actor);
  if (deed.is) button.setAttribute("aria-pressed", String(deed.is(actor)));
}

/** What people should know of a member that does not simply run. */
function why(m) {
  if (m.actor?.why) return m.actor.why;
  if (m.actor?.state === "paused") return "It stands still. The others cannot know whether it is dead.";
  if (m.report?.stopped && !m.actor) return `It has ended: ${m.report.stopped}.`;
  if (m.actor && m.actor.state !== "running") return "";
  if (!m.report) return `${model.self} has not heard of it yet.`;
  if (!answers(m)) return `${model.self} has not heard of it for ${time(m.report.age)}.`;
  const [transfer] = m.report.snapshots ?? [];
  if (transfer) {
    const part = transfer.size ? ` of ${bytes(transfer.size)}` : "";
    return `${transfer.incoming ? "It gets a snapshot from" : "It sends a snapshot to"} ${transfer.with}: ${bytes(transfer.bytes)}${part}.`;
  }
  return m.report.diverged || m.report.waiting || "";
}
