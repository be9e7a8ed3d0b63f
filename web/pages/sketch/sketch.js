// A sheet of paper that windows draw on together. What is drawn is pale until a majority of
// them has it; from then on all have it, in one order.
import { open } from "../balsa/balsa.js";
import { hue, introducer, linkTo, offerCopy, outcome, sentence, show, whichRoom } from "../here.js";
import { offerRecovery } from "../lost.js";
import { apply, blank, colours, eraser, size, steps, visible, widths } from "./drawing.js";
import { Easel, pieces } from "./easel.js";
import { Hand } from "./hand.js";
import { whoAmI } from "./person.js";

/** @typedef {import("./drawing.js").Drawing} Drawing */

const find = (/** @type {string} */ selector) => /** @type {any} */ (document.querySelector(selector));
const here = whichRoom();
const me = whoAmI();
const problem = find(".problem");

/** @typedef {import("../balsa/balsa.js").Member<Drawing, any, boolean>} Sheet */

/** @type {Sheet | undefined} */
let member;
/** How far the drawing is shown, from 0 to 1, if it is not as it is now. @type {number | undefined} */
let past;

async function propose(/** @type {import("./drawing.js").Command} */ command) {
  try {
    if (!member) throw new Error("this window is not open yet");
    const result = await member.propose(command);
    problem.hidden = true;
    return result;
  } catch (/** @type {any} */ error) {
    problem.textContent = outcome(error);
    problem.hidden = false;
    throw error;
  }
}

/** For what nobody waits for; propose has said what went wrong. */
const attempt = (/** @type {import("./drawing.js").Command} */ command) => void propose(command).catch(() => {});

// Tools.
const tool = () => ({ colour: Number(find("[name=ink]:checked").value), width: Number(find("[name=width]:checked").value) });

/** A radio button in the toolbar. */
function choice(/** @type {string} */ into, /** @type {string} */ name, /** @type {number} */ value, /** @type {string} */ label, /** @type {string} */ style) {
  const item = document.createElement("label");
  item.innerHTML = `<input type="radio"><i></i>`;
  item.title = label;
  const [input, mark] = /** @type {any} */ (item.children);
  Object.assign(input, { name, value });
  input.setAttribute("aria-label", label);
  mark.style.cssText = style;
  find(into).append(item);
  return item;
}

const names = ["Ink", "Red", "Orange", "Yellow", "Green", "Blue", "Violet", "Pink"];
for (let i = 0; i < colours; i++) choice(".inks", "ink", i, `${names[i]} (${i + 1})`, `--mine: var(--ink-${i})`);
choice(".inks", "ink", eraser, "Eraser (E)", "").classList.add("eraser");
widths.forEach((width, i) => choice(".widths", "width", width, ["Fine", "Medium", "Broad", "Very broad"][i], `width: ${4 + 5 * i}px; height: ${4 + 5 * i}px`));
find(`[name=ink][value="${5}"]`).checked = find(`[name=width][value="${widths[1]}"]`).checked = true;

// What is seen.
const easel = new Easel(find(".agreed"), find(".draft"));
const hand = new Hand(find(".agreed"), find(".crosshair"), { tool, by: me.id, propose, onchange: () => later() });
easel.onresize = () => later();
/** @type {Map<string, { label: HTMLElement, points: number, timer?: any }>} */
const tips = new Map();
const nameOf = (/** @type {string} */ id) => member?.state.people[id] || "somebody";

/** Shows who draws, where they are. */
function showTips(/** @type {Drawing} */ drawing) {
  const open = new Map(visible(drawing).filter((stroke) => stroke.by !== me.id && !stroke.ended).map((stroke) => [stroke.id, stroke]));
  for (const [id, { label, timer }] of tips) {
    if (open.has(id)) continue;
    clearTimeout(timer);
    label.remove();
    tips.delete(id);
  }
  for (const [id, { by, points }] of open) {
    let tip = tips.get(id);
    if (!tip) tips.set(id, (tip = { label: Object.assign(document.createElement("span"), { className: "tip" }), points: 0 }));
    if (tip.points === points.length) continue;
    const { label } = tip;
    clearTimeout(tip.timer);
    Object.assign(tip, { points: points.length, timer: setTimeout(() => label.classList.add("gone"), 2_000) });
    label.classList.remove("gone");
    label.textContent = nameOf(by);
    label.style.setProperty("--hue", String(hue(by)));
    label.classList.toggle("left", points[points.length - 2] > 0.8 * size);
    label.style.translate = points.slice(-2).map((n) => `${(100 * n) / size}cqw`).join(" ");
    if (!label.isConnected) find(".tips").append(label);
  }
}

const inWords = { drew: "drew", erased: "erased", wiped: "wiped the sheet", undid: "undid", redid: "redid" };

/** Shows what was agreed on last, newest first. Lines that stay are not said again to those who listen. */
function showNews(/** @type {Drawing} */ { news, order }) {
  const list = find(".news");
  const shown = new Map([...list.children].map((line) => [line.dataset.at, line]));
  for (const { at, by, what } of news) {
    let line = shown.get(String(at));
    shown.delete(String(at));
    if (!line) {
      line = document.createElement("li");
      line.dataset.at = String(at);
      line.innerHTML = "<span><b></b> <span></span></span><small></small>";
      list.prepend(line);
    }
    const who = line.querySelector("b");
    who.style.setProperty("--hue", String(hue(by)));
    if (who.textContent !== nameOf(by)) who.textContent = nameOf(by);
    line.querySelector("span span").textContent = inWords[what];
    line.querySelector("small").textContent = `entry ${at.toLocaleString("en")}`;
  }
  for (const line of shown.values()) line.remove();
  find(".order code").textContent = order.toString(16).padStart(8, "0").replace(/(.{4})(.{4})/, "$1 $2");
}

let waiting = false;
/** Paints with the next picture that the screen shows, however much has changed until then. */
function later() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    if (member) render(member.state);
  });
}

function render(/** @type {Drawing} */ drawing) {
  const agreed = new Map(drawing.acts.map((act) => [act.id, "points" in act ? act.points.length / 2 : 0]));
  for (const stroke of hand.strokes) stroke.agreed = agreed.get(stroke.id) ?? 0;
  if (past === undefined) {
    easel.paint(drawing);
    easel.sketch([...hand.strokes]);
    showTips(drawing);
  } else {
    const all = pieces(drawing);
    easel.look(all.slice(0, Math.round(past * all.length)));
    easel.sketch([]);
  }
  showNews(drawing);
  const something = visible(drawing).length > 0;
  find(".hint").classList.toggle("gone", something || hand.strokes.size > 0);
  const { undo, redo } = steps(drawing, me.id);
  find(".undo").disabled = !undo && hand.strokes.size === 0;
  find(".redo").disabled = !redo;
  find(".wipe").disabled = find(".play").disabled = find(".when").disabled = !something;
}

// Undo and redo, each person's own: they come after what the hand has drawn.
async function step(/** @type {"undo" | "redo" | "wipe"} */ what) {
  await hand.rest();
  await propose(what === "wipe" ? { do: what, by: me.id, id: crypto.randomUUID() } : { do: what, by: me.id }).catch(() => {});
}

for (const what of /** @type {const} */ (["undo", "redo", "wipe"])) find("." + what).addEventListener("click", () => step(what));
find(".save").addEventListener("click", async () => {
  const picture = await easel.picture();
  if (!picture) return;
  const link = Object.assign(document.createElement("a"), { download: "sketch.png", href: URL.createObjectURL(picture) });
  link.click();
  URL.revokeObjectURL(link.href);
});

/** Chooses the next width, or the one before. */
function broader(/** @type {number} */ by) {
  const now = widths.indexOf(tool().width);
  find(`[name=width][value="${widths[Math.min(widths.length - 1, Math.max(0, now + by))]}"]`).checked = true;
}

addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLInputElement && event.target.matches(".name")) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && !event.altKey) {
    const what = key === "z" ? (event.shiftKey ? "redo" : "undo") : key === "y" ? "redo" : undefined;
    if (!what) return;
    event.preventDefault();
    return void step(what);
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (key >= "1" && key <= String(colours)) find(`[name=ink][value="${Number(key) - 1}"]`).checked = true;
  if (key === "e") find(`[name=ink][value="${eraser}"]`).checked = true;
  if (key === "]") broader(1);
  if (key === "[") broader(-1);
});

// The past: as far as the slider says, or played.
const when = find(".when");
let playing = 0;
function lookAt(/** @type {number} */ share) {
  past = share >= 1 ? undefined : share;
  when.value = String(share);
  later();
}
when.addEventListener("input", () => {
  playing = 0;
  lookAt(Number(when.value));
});
find(".agreed").addEventListener("pointerdown", () => ((playing = 0), lookAt(1))); // whoever draws is in the present
find(".play").addEventListener("click", () => {
  if (!member) return;
  const began = (playing = performance.now());
  const takes = Math.min(12_000, 1_000 + 30 * pieces(member.state).length);
  const tick = () => {
    if (playing !== began) return;
    lookAt(Math.min(1, (performance.now() - began) / takes));
    if (past !== undefined) requestAnimationFrame(tick);
  };
  tick();
});

// Who draws.
const name = find(".name");
name.value = me.name;
name.addEventListener("change", () => {
  me.rename(name.value);
  name.value = me.name;
  attempt({ do: "name", by: me.id, name: me.name });
});
name.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && !event.isComposing && name.blur());

/** Tells the others who draws here, under a name that nobody has. */
async function introduceMyself(/** @type {Sheet} */ member) {
  const people = await member.read((drawing) => drawing.people);
  if (!me.name) me.pick(Object.values(people));
  name.value = me.name;
  if (people[me.id] !== me.name) attempt({ do: "name", by: me.id, name: me.name });
}

offerCopy(find(".invite"), "The link to this drawing", () => linkTo(here, "/sketch/"));

try {
  const watch = (/** @type {import("../balsa/balsa.js").Status} */ status) => {
    show(find(".strip"), status);
    find(".order .at").textContent = status.applied ? `at entry ${status.applied.toLocaleString("en")}` : "";
  };
  member = await open({ ...here, room: `${here.room}/sketch`, introducer, name: "sketch", initial: blank(), apply, watch });
  member.subscribe(later);
  offerRecovery(find(".strip"), member);
  Object.assign(globalThis, { member });
  await introduceMyself(member);
} catch (/** @type {any} */ error) {
  problem.textContent = sentence(error.message);
  problem.hidden = false;
  find(".state").textContent = "This window is not open.";
  find(".state").className = "state stopped";
}
