// The pages as people meet them: by day and by night, on a phone, by keyboard, with a
// screen reader, and when something is wrong.
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, test } from "node:test";
import { lan } from "./ports.mjs";
import { served } from "./served.mjs";
import { introduce, patience, picture, stage, until } from "./stage.mjs";
import { looks, wrongWith } from "./looks.mjs";

/** @typedef {import("puppeteer-core").Page} Page */

const timeout = { timeout: 3 * patience };
const secret = "a secret of these tests, and long enough";
const link = (room) => "#" + new URLSearchParams({ room, secret });

/** @type {Awaited<ReturnType<typeof stage>>} */
let world;
before(async () => void (world = await stage()), { timeout: 4 * patience });
after(() => world?.close());

const isOpen = (tab) => until(tab, "an open window", () => globalThis.member?.status.leader && globalThis.member.status.role !== "joining");

/** A page that is open, and shows what it has. */
async function opened(path, room) {
  const tab = await world.page(0, path + link(room));
  await tab.setViewport({ width: 1100, height: 800, hasTouch: true }); // which loads it again, once
  await isOpen(tab);
  return tab;
}

/** Looks at a page in all lights and widths, and leaves a picture of each. */
async function look(tab, name) {
  for (const each of looks) {
    await each.take(tab);
    await picture(tab, `${name}, ${each.name}`, { fullPage: true });
    assert.deepEqual(await wrongWith(tab), [], `${name}, ${each.name}`);
  }
}

test("a list of todos, long ones among them", timeout, async () => {
  const tab = await opened("/", "look at todos");
  await look(tab, "todos, none");
  await tab.evaluate(async () => {
    for (const title of ["milk", "a todo that goes on and on, since there was much to say about it ".repeat(3), "Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüssel"]) {
      await globalThis.member.propose({ type: "add", id: crypto.randomUUID(), title });
    }
    await globalThis.member.propose({ type: "toggle", id: globalThis.member.state.todos[0].id, completed: true });
  });
  await until(tab, "the list", () => document.querySelectorAll(".todo-list li").length === 3);
  await look(tab, "todos");
  await tab.click(".todo-list li:nth-child(2) label", { count: 2 });
  await look(tab, "todos, one edited");
  await tab.close();
});

test("the benchmark before and after a run, whose chart is drawn anew for another width", timeout, async () => {
  const tab = await opened("/bench.html", "look at bench");
  await look(tab, "bench, not run");
  await tab.evaluate(() => (document.querySelector("[name=seconds]").options[0].value = "1"));
  await tab.focus(".go");
  await tab.keyboard.press("Enter");
  await until(tab, "a result", () => document.querySelector("tbody tr"));
  await look(tab, "bench");
  const drawn = await tab.$eval("canvas", (canvas) => ({ width: canvas.width, shown: Math.round(canvas.getBoundingClientRect().width * devicePixelRatio) }));
  assert.equal(drawn.width, drawn.shown);
  await tab.close();
});

test("the sheet of paper", timeout, async () => {
  const tab = await opened("/sketch/", "look at sketch");
  await look(tab, "sheet");
  await tab.close();
});

test("the introducer's page counts", timeout, async () => {
  const tab = await world.page(0, "/introducer.html");
  await until(tab, "figures", () => /^\d+ members? in \d+ rooms?\.$/.test(document.querySelector("#now").textContent));
  await look(tab, "introducer");
  await tab.close();
});

/** What a page says of itself: in the strip, and of what is wrong. */
const says = (tab, pattern) => until(tab, `the words ${pattern}`, (source) => new RegExp(source, "s").test(document.querySelector(".strip").textContent + document.querySelector(".problem:not([hidden])")?.textContent), pattern.source);

test("a window that cannot open yet says for what it waits", timeout, async (t) => {
  const small = await introduce("127.0.0.1:0", "--max-members", "1");
  t.after(small.stop);
  const first = await world.page(small.addresses[0], "/" + link("one seat"), { network: false });
  await isOpen(first);
  const second = await world.page(small.addresses[1], "/" + link("one seat"), { network: false });
  await says(second, /Opening… This room is full: as many are in it as may be, 1 \(room-full\); trying again\./);
  await look(second, "room full");
  await small.stop();
  await says(second, /Opening… No introducer answers at ws:.*trying again\./);
  await says(first, /No introducer answers at ws:.*Windows that are here go on; new ones wait for the introducer\./);
  await look(first, "introducer away");
  await Promise.all([first.close(), second.close()]);
});

test("a page whose program is not there says so, and that nothing was done", timeout, async (t) => {
  const broken = await served(t, (dir) => Promise.all(["", ".gz", ".br"].map((ending) => rm(`${dir}/member.wasm${ending}`, { force: true }))));
  const tab = await world.page(broken.addresses[0], "/" + link("no program"), { network: false });
  await says(tab, /This window is not open\..*member\.wasm, cannot be loaded: 404/);
  await look(tab, "no program");
  await tab.type(".new-todo", "milk");
  await tab.keyboard.press("Enter");
  await says(tab, /That was not done: this window is not open/);
  await tab.close();
});

test("a page over plain HTTP from another machine says what it lacks", timeout, async (t) => {
  const address = lan();
  if (!address) return t.skip("this machine has no address but its own");
  const plain = await introduce(`${address}:0`);
  t.after(plain.stop);
  const tab = await world.page(plain.addresses[0], "/" + link("plain"));
  await says(tab, /This window is not open\..*plain HTTP.*serve it over HTTPS, or from localhost/);
  await look(tab, "plain HTTP");
  await tab.close();
  world.complaints.length = 0; // Chromium says of each header that it does not trust it there
});

test("each standing of a window has its words", timeout, async () => {
  const tab = await opened("/", "look at words");
  const words = (change) => tab.evaluate(async (change) => {
    const { inWords } = await import("/here.js");
    return inWords({ ...globalThis.member.status, persisted: false, ...change }).join("|");
  }, change);
  const voters = Array.from({ length: 3 }, () => ({ role: "voter" }));
  assert.equal(await words({}), "Everything is kept on this device, unless its browser needs the room; one window decides.|");
  assert.equal(await words({ persisted: true, members: voters }), "Everything is kept on this device; 2 of 3 windows decide.|");
  assert.equal(await words({ durable: false }), "Everything is kept in memory only by this window, which forgets it when it is closed; one window decides.|");
  assert.match(await words({ attached: true }), /This window shares the member of another window of this browser\.\|$/);
  const away = (...connections) => ({ leader: "", waiting: "no leader: no majority of voters=1f,2e,3d", members: connections.map((connection) => ({ role: "voter", connection })) });
  assert.equal(await words(away("self", "none", "none")), "Waiting: 2 of the 3 windows that decide are away, and one of them must come back.|waiting");
  assert.equal(await words(away("self", "none")), "Waiting: 1 of the 2 windows that decide is away, and one of them must come back.|waiting");
  assert.equal(await words(away("self", "direct", "none")), "Waiting: the windows choose a leader.|waiting");
  assert.equal(await words({ leader: "", waiting: "if the cluster was recovered without this member, start it anew" }), "Waiting: the other windows have gone on without this one.|waiting");
  assert.equal(await words({ waiting: "the disk is full: make room on this device" }), "Waiting: the disk is full: make room on this device.|waiting");
  assert.match(await words({ problem: "window ab runs version 0.0.9 of this package, and this one 0.1.0: reload the one that is older" }), /decides\. Window ab runs version .* that is older\.\|waiting$/);
  assert.equal(await words({ stopped: {}, problem: "no such item at entry 7" }), "This window has stopped: no such item at entry 7.|stopped");
  await tab.close();
});

test("no page complained", () => assert.deepEqual(world.complaints, []));
