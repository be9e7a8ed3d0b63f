// The writer of a stage, and the proof that no acknowledged write is lost.
import { el, say, set } from "./dom.js";
import { count, plural, time } from "./format.js";
import { model } from "./model.js";

let parts;

/** @param {HTMLElement} parent @param {(what: string) => void} act */
export function build(parent, act) {
  parts = { big: el("p.big"), under: el("p.hint"), verdict: el("p.verdict", { role: "status" }), tally: {} };
  const tally = el("dl.tally");
  for (const name of ["Lost", "Ran twice", "Unknown", "Refused", "Longest silence", "Audits"]) {
    tally.append(el("div", {}, el("dt", {}, name), (parts.tally[name] = el("dd"))));
  }
  parts.write = button("Write", "write", act);
  parts.rush = button("Write fast", "rush", act);
  parts.rest = button("Rest", "rest", act);
  const why = el("p.hint", {}, "Each writer adds 1 to a counter of its own and waits for the answer. Audits read the counters through one member after the other: a counter below what was acknowledged is a lost write, one above what was asked for ran twice.");
  parent.append(parts.big, parts.under, tally, parts.verdict, el("div.row", {}, parts.write, parts.rush, parts.rest), why);
}

function button(says, does, act) {
  const made = el("button", { type: "button", textContent: says, id: `proof-${does}` });
  made.addEventListener("click", () => act(does));
  return made;
}

/** @param {HTMLElement} section */
export function show(section) {
  const p = model.stage?.proof;
  section.hidden = !p;
  if (!p) return;
  const broken = p.lost + p.twice > 0;
  say(parts.big, count(p.acknowledged));
  parts.big.classList.toggle("bad", broken);
  say(parts.under, p.acknowledged === 1 ? "write was acknowledged" : "writes were acknowledged");
  const values = { Lost: p.lost, "Ran twice": p.twice, Unknown: p.unknown, Refused: p.refused, Audits: p.audits };
  for (const [name, value] of Object.entries(values)) say(parts.tally[name], count(value));
  say(parts.tally["Longest silence"], p.longest ? time(p.longest) : "–");
  say(parts.verdict, verdict(p));
  parts.verdict.classList.toggle("bad", broken);
  for (const one of [parts.write, parts.rush, parts.rest]) one.disabled = !model.admin;
  set(parts.write, { "aria-pressed": null, hidden: p.writing && !p.fast });
  set(parts.rush, { hidden: p.writing && p.fast });
  parts.rest.hidden = !p.writing;
}

function verdict(p) {
  if (p.findings?.length) return `Broken: ${p.findings.join("; ")}`;
  if (!p.acknowledged) return "Nothing was written yet. Press Write, then hurt whom you like.";
  const unsure = p.unknown ? `, and at most ${plural(p.unknown, "write")} of unknown outcome besides` : "";
  return `The last audit, through ${p.through}, found ${count(p.counted)}; ${count(p.expected)} had been acknowledged before it${unsure}. Nothing is lost.`;
}
