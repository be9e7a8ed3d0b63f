// Windows as members of a cluster of servers: examples/board, whose servers and windows
// run one state machine, in Go.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { bound } from "./bound.mjs";
import { launch } from "./browser.mjs";
import { freePort } from "./ports.mjs";
import { looks, wrongWith } from "./looks.mjs";
import { listen, patience, pause, picture } from "./stage.mjs";

const example = fileURLToPath(new URL("../../examples/board", import.meta.url));
const secret = "some random words, which nobody guesses";

/** Three servers, each with its door, and a browser. */
async function company() {
  const dir = await mkdtemp(join(tmpdir(), "balsa-board-"));
  const go = (args, env = {}) => execFileSync("go", args, { cwd: example, env: { ...process.env, ...env }, encoding: "utf8" });
  await cp(join(example, "page"), join(dir, "page"), { recursive: true });
  go(["build", "-o", join(dir, "board"), "."]);
  go(["build", "-o", join(dir, "page", "board.wasm"), "."], { GOOS: "js", GOARCH: "wasm" });
  await cp(join(go(["env", "GOROOT"]).trim(), "lib", "wasm", "wasm_exec.js"), join(dir, "page", "wasm_exec.js"));
  const names = ["a", "b", "c"];
  const cluster = [];
  const doors = [];
  for (const name of names) {
    cluster.push(`${name}=127.0.0.1:${await freePort()}`);
    doors.push(`http://127.0.0.1:${await freePort()}`);
  }
  const start = (name) => bound(spawn(join(dir, "board"),
    ["-name", name, "-dir", join(dir, name), "-secret", secret, "-page", join(dir, "page"), "-cluster", cluster.join(","), "-doors", doors.join(",")],
    { stdio: ["ignore", "ignore", "inherit"] }));
  const servers = names.map(start);
  for (const door of doors) await until(`${door} to answer`, () => fetch(`${door}/doors`).then(() => true, () => false));
  const { browser, close } = await launch();
  const complaints = [];
  return {
    servers, complaints,
    /** A window at the door of a server. @param {number} door */
    async window(door) {
      const tab = await browser.newPage();
      listen(tab, complaints, "a window", { network: false });
      await tab.goto(`${doors[door]}/#secret=${encodeURIComponent(secret)}`, { timeout: patience });
      return tab;
    },
    async close() {
      await close();
      for (const server of servers) server.kill("SIGKILL");
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function until(what, holds) {
  for (const start = Date.now(); ; await pause(50)) {
    const found = await holds();
    if (found) return found;
    if (Date.now() - start > patience) assert.fail(`in vain for ${what}`);
  }
}

/** Writes a note in a window, as a person does. */
async function write(tab, text) {
  await tab.type("input", text);
  await tab.keyboard.press("Enter");
}

const texts = (tab) => tab.evaluate(() => Object.values(window.notes ?? {}).map((note) => note.text).sort());
const shows = (tab, expected) => until(`${expected}`, async () => JSON.stringify(await texts(tab)) === JSON.stringify(expected))
  .catch(async (error) => assert.fail(`${error.message}; the window has ${await texts(tab)}, says: ${await tab.evaluate(() => document.querySelector("output").value)}, and stands: ${await tab.evaluate(() => JSON.stringify(window.status_))}`));
// A window hears how it stands after the note that it wrote is there.
const members = async (tab) => (await until("its standing", () => tab.evaluate(() => window.status_))).members.map((m) => `${m.name.slice(0, 6)} ${m.role}`).sort();

/** @type {Awaited<ReturnType<typeof company>>} */
let world;
before(async () => void (world = await company()));
after(() => world?.close());

test("windows hold what three servers vote on, and go on without one of them", { timeout: 6 * patience }, async () => {
  const tabs = [await world.window(0), await world.window(1)];
  await tabs[0].bringToFront();
  await write(tabs[0], "milk");
  for (const tab of tabs) await shows(tab, ["milk"]);
  await tabs[1].bringToFront();
  await write(tabs[1], "bread");
  for (const tab of tabs) await shows(tab, ["bread", "milk"]);
  assert.deepEqual(await members(tabs[1]), ["a voter", "b voter", "c voter", "window learner", "window learner"]);

  for (const each of looks) {
    await each.take(tabs[1]);
    await picture(tabs[1], `board, ${each.name}`);
    assert.deepEqual(await wrongWith(tabs[1]), []);
  }
  await write(tabs[1], "eggs");
  for (const tab of tabs) await shows(tab, ["bread", "eggs", "milk"]);
  await tabs[1].evaluate(() => [...document.querySelectorAll(".note")].find((note) => note.textContent === "eggs").focus());
  const place = () => Object.values(window.notes).find((note) => note.text === "eggs")?.x;
  const before = await tabs[1].evaluate(place);
  await tabs[1].keyboard.press("ArrowRight");
  await until("the note to be further right", () => tabs[1].evaluate(place).then((now) => now > before));
  await tabs[1].keyboard.press("Delete");
  for (const tab of tabs) await shows(tab, ["bread", "milk"]);

  world.servers[2].kill("SIGKILL");
  await write(tabs[1], "without c");
  for (const tab of tabs) await shows(tab, ["bread", "milk", "without c"]);

  await tabs[1].reload();
  await shows(tabs[1], ["bread", "milk", "without c"]);
  await write(tabs[1], "reloaded");
  for (const tab of tabs) await shows(tab, ["bread", "milk", "reloaded", "without c"]);
  assert.deepEqual(await members(tabs[1]), ["a voter", "b voter", "c voter", "window learner", "window learner"], "it came back as the member that it was");
  assert.deepEqual(world.complaints, []);
});
