// The page: it follows its member's stream, and shows each frame.
import { act, follow, json, setToken } from "./api.js";
import * as cards from "./cards.js";
import * as charts from "./charts.js";
import * as console_ from "./console.js";
import { $, announce, el, say } from "./dom.js";
import * as feed from "./feed.js";
import { count, plural, time } from "./format.js";
import * as keys from "./keys.js";
import * as lanes from "./lanes.js";
import { answers, model, take } from "./model.js";
import * as picture from "./picture.js";
import * as proof from "./proof.js";
import * as tour from "./tour.js";

/** How long, in milliseconds, nothing may come from the member before it counts as lost. */
const patience = 2000;

let heard = 0, greeted = false, lost = false, problem = "";

function show() {
  picture.show();
  cards.show($("cards"));
  proof.show($("proof"));
  lanes.show();
  charts.show();
  feed.show();
  keys.show();
  tour.show();
  const hurts = model.stage && model.admin;
  $("stage-tools").hidden = !hurts;
  $("heal").disabled = !model.stage?.cuts.length;
  $("members").classList.toggle("alone", !model.stage);
  say($("summary"), summary());
  say($("self"), model.self);
  document.title = `${model.self}${model.leader ? ` · ${model.leader} leads` : " · no leader"} · balsa`;
}

function summary() {
  const there = model.members.filter(answers).length, all = model.members.length;
  const commit = Math.max(0, ...model.members.map((m) => m.report?.commit ?? 0));
  const who = model.leader ? `${model.leader} leads in term ${model.term}` : "No leader";
  const members = there === all ? `all ${plural(all, "member")} answer` : `${there} of ${plural(all, "member")} answer`;
  return `${who}; ${all === 1 ? "its only member answers" : members}; ${plural(commit, "entry", "entries")} committed.`;
}

/** Does something to members, and says why if it cannot. */
async function hurt(what, member, other) {
  try {
    await act(what, member, other);
    announce(`${what} ${member ?? ""} ${other ?? ""}: done`);
  } catch (error) {
    tell(`${what} ${member ?? ""}: ${error.message}`);
  }
}

let told;
/** Shows a message for a while. */
function tell(message) {
  if (lost) return;
  clearTimeout(told);
  $("lost").hidden = false;
  $("lost").classList.remove("found");
  $("lost").replaceChildren(message);
  told = setTimeout(() => ($("lost").hidden = true), 8000);
}

/** Follows the stream, and finds the member again whenever it was lost. */
async function run() {
  for (;;) {
    while (resting) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
    const began = performance.now();
    stream = new AbortController();
    const watchdog = setInterval(() => performance.now() - Math.max(heard, began) > 3 * patience && stream.abort(), 1000);
    try {
      await follow("/dashboard/stream", stream.signal, onEvent);
      problem = "it has ended the stream";
    } catch (error) {
      problem = error.message;
      if (error.status === 401 || error.status === 403) await askForToken(error.message);
    }
    clearInterval(watchdog);
    if (!resting) await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

let stream = new AbortController(), resting = false, hiding;
/** Lets a page that nobody sees rest: browsers have few connections to a member. */
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) {
    hiding = setTimeout(() => {
      resting = true;
      stream.abort();
      keys.stop();
    }, 10_000);
  } else if (resting) {
    resting = false;
    heard = performance.now();
    if (greeted) keys.start();
  }
});

let samples = null;
function onEvent({ event, data }) {
  heard = performance.now();
  if (event === "history") {
    samples = data;
    return;
  }
  if (lost) found();
  take(data);
  if (samples) charts.remember(model.self, samples);
  samples = null;
  $("link").dataset.state = "live";
  say($("link"), "live");
  show();
  if (!greeted) {
    greeted = true;
    keys.start();
    tour.greet();
    weigh();
  }
}

/** Notices that the member has fallen silent, and says so. */
function look() {
  const silent = performance.now() - heard;
  if (resting || silent < patience || (!greeted && !problem)) return;
  if (!lost) {
    lost = true;
    clearTimeout(told);
    $("link").dataset.state = "lost";
    say($("link"), "lost");
    document.title = "lost · balsa";
    $("lost").classList.remove("found");
    $("lost").replaceChildren(el("strong", {}, `${model.self || "The member"} does not answer any more. `), "What you see is how it was. The page goes on looking for it", ...others(), el("span#since"));
    $("lost").hidden = false;
  }
}

/** Links to the pages of the other members. */
function others() {
  const all = model.members.filter((m) => m.name !== model.self && (m.actor?.http ?? m.report?.http));
  if (!all.length) return ["."];
  return ["; the others may answer: ", ...all.flatMap((m, i) => [i ? ", " : "", el("a", { href: m.actor?.http ?? m.report.http }, m.name)]), "."];
}

function found() {
  lost = false;
  $("lost").classList.add("found");
  $("lost").replaceChildren(`${model.self || "The member"} answers again.`);
  told = setTimeout(() => ($("lost").hidden = true), 4000);
  keys.start();
}

/** Asks the person for a token. It resolves when one was given, or none. @param {string} why */
function askForToken(why) {
  const dialog = $("token-dialog");
  if (why) say($("token-why"), `${why}. A token stays in this page's memory, and goes with it.`);
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "ok") setToken($("token").value.trim());
      $("token").value = "";
      resolve(undefined);
      if (greeted) keys.start();
    }, { once: true });
  });
}

/** Says what the page weighs, as the browser counts it: not what it still had in memory. */
function weigh() {
  const parts = performance.getEntriesByType("resource").filter((e) => e.name.includes("/page/"));
  if (!parts.some((e) => e.name.endsWith(".js"))) return;
  const size = [...performance.getEntriesByType("navigation"), ...parts].reduce((sum, e) => sum + e.decodedBodySize, 0);
  say($("weight"), `this page weighs ${count(Math.round(size / 1000))} kB`);
}

picture.build($("picture"), (a, b, cut) => hurt(cut ? "cut" : "join", a, b));
cards.build($("cards"), hurt);
proof.build($("proof-body"), hurt);
lanes.build($("lanes"), $("entry"), (from, n) => json(`/dashboard/entries?from=${from}&count=${n}`));
charts.build($("chart-list"), $("colours"));
feed.build($("event-list"));
console_.build();
keys.build();
tour.build();
$("heal").addEventListener("click", () => hurt("heal"));
$("token-open").addEventListener("click", () => askForToken(""));
addEventListener("resize", () => greeted && lanes.show());
setInterval(look, 250);
run();
