// Drawing together: what the reducer does with what people do, and three windows whose
// sheets are the same to the pixel.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apply, blank, eraser, size, steps, visible, widths } from "../pages/sketch/drawing.js";
import { patience, picture, stage, until } from "./stage.mjs";

const timeout = { timeout: 3 * patience };

/** A drawing, and a hand for it. */
function paper() {
  const drawing = blank();
  let index = 0;
  const act = (command) => apply(drawing, command, { index: ++index });
  const line = (by, id, { colour = 0, end = true, points = [0, 0, 100, 100] } = {}) => act({ do: "draw", by, id, colour, width: widths[0], points, end });
  return { drawing, act, line, seen: () => visible(drawing).map((stroke) => stroke.id).join(" ") };
}

test("undo takes back one's own last act, redo brings it back, and both are part of the drawing", () => {
  const { drawing, act, line, seen } = paper();
  line("ann", "a1");
  line("bob", "b1");
  line("ann", "a2");
  assert.ok(act({ do: "undo", by: "bob" }));
  assert.equal(seen(), "a1 a2", "bob's own, though ann's came later");
  assert.ok(!act({ do: "undo", by: "bob" }), "bob has nothing else");
  act({ do: "undo", by: "ann" });
  act({ do: "undo", by: "ann" });
  act({ do: "redo", by: "ann" });
  assert.equal(seen(), "a1");
  act({ do: "redo", by: "bob" });
  assert.equal(seen(), "a1 b1", "each in its old place");
  line("ann", "a3");
  assert.equal(steps(drawing, "ann").redo, undefined, "who does something new cannot redo any more");
  assert.equal(seen(), "a1 b1 a3");
});

test("a wipe is an act like any other: it can be undone by whom it is of", () => {
  const { act, line, seen } = paper();
  line("ann", "a1");
  act({ do: "wipe", by: "bob", id: "w" });
  line("ann", "a2");
  assert.equal(seen(), "a2");
  act({ do: "undo", by: "ann" });
  assert.equal(seen(), "");
  act({ do: "undo", by: "bob" });
  assert.equal(seen(), "a1");
});

test("a stroke grows until its end, by its own hand alone", () => {
  const { drawing, line } = paper();
  assert.ok(line("ann", "a", { end: false }));
  assert.ok(!line("bob", "a"), "another's");
  assert.ok(line("ann", "a", { points: [200, 200] }));
  assert.ok(!line("ann", "a", { points: [300, 300] }), "it has ended");
  assert.deepEqual(visible(drawing)[0].points, [0, 0, 100, 100, 200, 200]);
});

test("no command that a stranger makes up breaks or changes a drawing", () => {
  const { drawing, act, line } = paper();
  line("ann", "a");
  const before = JSON.stringify(drawing);
  const good = { do: "draw", by: "ann", id: "b", colour: 0, width: widths[0], points: [1, 1], end: true };
  for (const command of [
    null, 7, "draw", [], {}, { do: "draw" }, { by: "ann" }, { do: "paint", by: "ann" }, { ...good, by: 5 }, { ...good, id: {} }, { ...good, colour: 99 }, { ...good, width: 1e9 },
    { ...good, points: "1,1" }, { ...good, points: [1] }, { ...good, points: [1, -1] }, { ...good, points: [1, 1e9] }, { ...good, points: [1, 0.5] }, { ...good, points: [] },
    { ...good, points: new Array(10_000).fill(1) }, { do: "undo", by: "nobody" }, { do: "redo", by: "ann" }, { do: "wipe", by: "ann" }, { do: "name", by: "ann", name: 5 },
  ]) {
    assert.equal(act(command), false, JSON.stringify(command));
  }
  assert.equal(JSON.stringify(drawing), before);
});

test("a drawing stays small: its oldest acts fade", () => {
  const { drawing, line, seen } = paper();
  const points = Array.from({ length: 500 }, (_, i) => i);
  for (let i = 0; i < 1000; i++) line("ann", `s${i}`, { points });
  assert.ok(drawing.points <= 100_000 && drawing.points > 80_000, `${drawing.points} points`);
  assert.match(seen(), /s999$/);
  for (let i = 0; i < 4_500; i++) line("bob", `t${i}`);
  assert.ok(drawing.acts.length <= 4_000);
});

test("the order of commands can be told from the drawing", () => {
  const [one, other] = [paper(), paper()];
  for (const who of ["ann", "bob"]) one.line(who, who);
  for (const who of ["bob", "ann"]) other.line(who, who);
  assert.notEqual(one.drawing.order, other.drawing.order);
});

/** @type {Awaited<ReturnType<typeof stage>>} */
let world;
/** @type {import("puppeteer-core").Page[]} */
let tabs;
const link = "#" + new URLSearchParams({ room: "sketch of the tests", secret: "a secret of these tests, and long enough" });
const ready = (tab) => until(tab, "an open window", () => globalThis.member?.status.leader && globalThis.member.status.role !== "joining" && document.querySelector(".name").value);

before(async () => {
  world = await stage();
  tabs = [];
  for (const port of [0, 1, 2]) {
    const tab = await world.page(port, "/sketch/" + link, { window: true });
    await tab.setViewport({ width: 1280, height: 900, hasTouch: port === 2 });
    await ready(tab);
    tabs.push(tab);
  }
}, { timeout: 5 * patience });
after(() => world?.close());

const choose = (tab, colour, width = 1) => tab.evaluate((colour, width) => {
  document.querySelector(`[name=ink][value="${colour}"]`).click();
  document.querySelectorAll("[name=width]")[width].click();
}, colour, width);

/** A stroke by a hand that is as fast in a window behind others: at(0) to at(1), in parts of the sheet. */
const stroke = (tab, at, steps = 40) => tab.evaluate(async (at, steps) => {
  const sheet = document.querySelector(".agreed");
  const { left, top, width } = sheet.getBoundingClientRect();
  const hand = (type, step) => {
    const [x, y] = eval(at)(step / steps);
    sheet.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 7, button: 0, clientX: left + x * width, clientY: top + y * width }));
  };
  hand("pointerdown", 0);
  for (let step = 1; step <= steps; step++) {
    hand("pointermove", step);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  hand("pointerup", steps);
}, at.toString(), steps);

/** Waits until nothing is under way, and says what a window has: its state, and its sheet's pixels. */
async function seen(tab, strokes) {
  await until(tab, `${strokes} strokes, all of them ended and painted`, async (strokes) => {
    const { visible } = await import("/sketch/drawing.js");
    const all = visible(await globalThis.member.read((drawing) => drawing));
    if (all.length !== strokes || !all.every((stroke) => stroke.ended)) return false;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return true;
  }, strokes);
  return tab.evaluate(async () => {
    const sheet = document.querySelector(".agreed");
    const pixels = sheet.getContext("2d").getImageData(0, 0, sheet.width, sheet.height).data;
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", pixels));
    const { people, ...drawing } = globalThis.member.state;
    return { drawing, order: document.querySelector(".order code").textContent, size: sheet.width, pixels: [...sum.subarray(0, 8)].join(" "), ink: pixels.some((byte) => byte > 0) };
  });
}

/** All windows show the same. */
async function same(strokes, which = tabs) {
  const [first, ...others] = await Promise.all(which.map((tab) => seen(tab, strokes)));
  for (const other of others) assert.deepEqual(other, first);
  assert.equal(first.ink, strokes > 0);
  return first;
}

test("three windows draw across each other at once, one of them erases, and all sheets are the same to the pixel", timeout, async () => {
  await choose(tabs[0], 3, 3);
  await choose(tabs[1], 4, 3);
  await choose(tabs[2], eraser, 2);
  await Promise.all([
    stroke(tabs[0], (t) => [0.1 + 0.8 * t, 0.5 + 0.2 * Math.sin(9 * t)]),
    stroke(tabs[1], (t) => [0.9 - 0.8 * t, 0.5 + 0.2 * Math.cos(9 * t)]),
    stroke(tabs[2], (t) => [0.1 + 0.8 * t, 0.3 + 0.4 * t]),
  ]);
  const { drawing } = await same(3);
  const entries = drawing.acts.map((act) => act.batches.filter((_, i) => i % 2 === 0));
  assert.ok(entries.every((own) => own.length > 2), `each came in several entries: ${JSON.stringify(entries)}`);
  assert.ok(entries[0].at(-1) > entries[1][0], "and these came in between each other");
});

test("each undoes, redoes and wipes with the keyboard or a button, and all see it", timeout, async () => {
  await tabs[0].bringToFront();
  await tabs[0].keyboard.down("Control");
  await tabs[0].keyboard.press("z");
  await tabs[0].keyboard.up("Control");
  const { drawing } = await same(2);
  const mine = await tabs[0].evaluate(() => JSON.parse(sessionStorage.getItem("balsa person")).id);
  assert.ok(visible(drawing).every((act) => act.by !== mine), "it was its own");
  await tabs[1].click(".wipe");
  await same(0);
  await tabs[1].click(".undo");
  await same(2);
  await tabs[0].click(".redo");
  await same(3);
  await until(tabs[2], "the news", () => /redid/.test(document.querySelector(".news li").textContent));
});

test("mouse, touch and keyboard draw", timeout, async () => {
  const box = (tab) => tab.$eval(".agreed", (sheet) => sheet.getBoundingClientRect().toJSON());
  await tabs[0].bringToFront();
  const mouse = await box(tabs[0]);
  await tabs[0].mouse.move(mouse.left + 50, mouse.top + 50);
  await tabs[0].mouse.down();
  await tabs[0].mouse.move(mouse.left + 150, mouse.top + 60, { steps: 5 });
  await tabs[0].mouse.up();
  await same(4);
  await choose(tabs[2], 1);
  await tabs[2].bringToFront();
  const touch = await box(tabs[2]);
  await tabs[2].touchscreen.touchStart(touch.left + 50, touch.top + 150);
  await tabs[2].touchscreen.touchMove(touch.left + 90, touch.top + 190);
  await tabs[2].touchscreen.touchEnd();
  await same(5);
  await tabs[1].bringToFront();
  await tabs[1].focus(".agreed");
  for (const key of ["6", "]", "ArrowUp", " ", "ArrowRight", "ArrowRight", "ArrowDown", " "]) await tabs[1].keyboard.press(key);
  const { drawing } = await same(6);
  const { colour, points } = drawing.acts.at(-1);
  assert.deepEqual([colour, points], [5, [2048, 1984, 2112, 1984, 2176, 1984, 2176, 2048]]);
});

test("the past can be looked at, in the order of the log", timeout, async () => {
  const before = await same(6);
  await tabs[0].$eval(".when", (when) => ((when.value = "0.3"), when.dispatchEvent(new Event("input"))));
  const part = await seen(tabs[0], 6);
  assert.notEqual(part.pixels, before.pixels);
  assert.ok(part.ink);
  await tabs[0].$eval(".when", (when) => ((when.value = "1"), when.dispatchEvent(new Event("input"))));
  assert.deepEqual(await seen(tabs[0], 6), before);
});

test("it can be used on a phone and in the dark, and by those who do not see it", timeout, async () => {
  await picture(tabs[0], "sketch");
  await tabs[1].emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  await tabs[2].setViewport({ width: 390, height: 844, deviceScaleFactor: 2, hasTouch: true });
  const dark = await seen(tabs[1], 6);
  const phone = await seen(tabs[2], 6);
  await picture(tabs[1], "sketch in the dark");
  await picture(tabs[2], "sketch on a phone", { fullPage: true });
  assert.notEqual(dark.pixels, (await seen(tabs[0], 6)).pixels, "inks are those of the theme");
  assert.equal(phone.order, dark.order);
  assert.ok(await tabs[2].evaluate(() => document.documentElement.scrollWidth <= 390), "nothing is beside the screen");
  const nameless = [];
  const look = (node) => {
    if (["button", "radio", "slider", "textbox", "application", "link"].includes(node.role) && !node.name) nameless.push(node);
    node.children?.forEach(look);
  };
  look(await tabs[0].accessibility.snapshot());
  assert.deepEqual(nameless, []);
  await tabs[1].emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  await tabs[2].setViewport({ width: 1280, height: 900, hasTouch: true });
  await same(6);
});

test("all windows are reloaded, the leader's is closed in the middle of a stroke, and the sheets are the same", timeout, async () => {
  const before = await same(6);
  const me = () => document.querySelector(".name").value;
  const name = await tabs[0].evaluate(me);
  await Promise.all(tabs.map((tab) => tab.reload()));
  for (const tab of tabs) await ready(tab);
  assert.deepEqual(await same(6), before);
  assert.equal(await tabs[0].evaluate(me), name);
  assert.equal(new Set(await Promise.all(tabs.map((tab) => tab.evaluate(me)))).size, 3, "each has a name of its own");
  const leader = await until(tabs[0], "a leader", () => globalThis.member.status.leader);
  const names = await Promise.all(tabs.map((tab) => tab.evaluate(() => globalThis.member.status.name)));
  const leading = tabs[names.indexOf(leader)];
  const others = tabs.filter((tab) => tab !== leading);
  await choose(others[0], 6);
  const drawn = stroke(others[0], (t) => [0.2 + 0.6 * t, 0.8 - 0.1 * Math.sin(12 * t)], 60);
  await until(others[1], "its begin", () => globalThis.member.state.acts.at(-1).ended === false);
  await leading.close();
  await drawn;
  const { drawing } = await same(7, others);
  const [x, y] = drawing.acts.at(-1).points.slice(-2);
  assert.ok(Math.hypot(x - 0.8 * size, y - (0.8 - 0.1 * Math.sin(12)) * size) < 20, `it arrived to its end: ${x}, ${y}`);
});

test("no page complained", () => assert.deepEqual(world.complaints, []));
