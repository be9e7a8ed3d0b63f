// A Go program as a member of a cluster of windows, over WebRTC: examples/archive.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "./ports.mjs";
import { bound } from "./bound.mjs";
import { patience, pause, stage, until } from "./stage.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const room = "archived";
const secret = "a secret of these tests, and long enough";

/** @type {Awaited<ReturnType<typeof stage>>} */
let world;
/** @type {string} */
let dir;
/** @type {import("node:child_process").ChildProcess | undefined} */
let archive;
before(async () => {
  world = await stage();
  dir = await mkdtemp(join(tmpdir(), "balsa-archive-"));
  execFileSync("go", ["build", "-o", join(dir, "archive"), "./examples/archive"], { cwd: join(here, "../..") });
});
after(async () => {
  archive?.kill("SIGKILL");
  await world?.close();
  if (dir) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
});

/** Starts the archive; what it returns reads it. @param {string} introducer */
async function keep(introducer) {
  const at = `127.0.0.1:${await freePort()}`;
  archive = bound(spawn(join(dir, "archive"), [
    "-reducer", join(here, "keep/reducer.js"), "-dir", join(dir, "data"), "-listen", at, "-introducer", introducer, "-room", room, "-secret", secret,
  ], { stdio: ["ignore", "pipe", "inherit"] }));
  await new Promise((ready, failed) => {
    archive?.stdout?.once("data", ready);
    archive?.once("exit", (code) => failed(new Error(`archive ended with ${code}`)));
  });
  return async () => {
    for (const start = Date.now(); ; await pause(100)) {
      const answer = await fetch(`http://${at}/`);
      if (answer.ok) return (await answer.json()).words;
      if (Date.now() - start > patience) assert.fail(`the archive says ${await answer.text()}`);
    }
  };
}

/** Opens the member of a window on one of the ports. @param {number} port */
async function enter(port) {
  const tab = await world.page(port, "/blank.html");
  const source = await import("node:fs/promises").then((fs) => fs.readFile(join(here, "keep/reducer.js"), "utf8"));
  await tab.evaluate(async (source, room, secret, patience) => {
    const [{ open }, words] = await Promise.all([import("/balsa/balsa.js"), import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })))]);
    window.lines = [];
    window.member = await open({
      ...words, room, secret, introducer: location.origin.replace("http", "ws"), log: (line) => window.lines.push(line), signal: AbortSignal.timeout(patience),
    });
  }, source, room, secret, patience);
  return tab;
}

const propose = (tab, word) => tab.evaluate((word, patience) => window.member.propose(word, { signal: AbortSignal.timeout(patience) }), word, patience);
const words = (tab) => tab.evaluate((patience) => window.member.read((state) => state.words, { signal: AbortSignal.timeout(patience) }), patience);
const voters = (tab, count) => until(tab, `${count} voters`, (count) => window.member.members.filter((m) => m.role === "voter").length === count, count);

test("a Go program among windows votes, and keeps what they share while all are closed", { timeout: 8 * patience }, async () => {
  const one = await enter(0);
  await propose(one, "before the archive");
  const introducer = await one.evaluate(() => location.origin.replace("http", "ws"));
  const archived = await keep(introducer);
  const two = await enter(1);
  await voters(one, 3);
  await propose(two, "of all three");
  assert.deepEqual(await archived(), ["before the archive", "of all three"]);
  for (const tab of [one, two]) {
    await until(tab, "direct connections", () => window.member.members.filter((m) => m.connection === "direct").length === 2);
  }

  for (const tab of [one, two]) await tab.evaluate(() => window.member.close());
  assert.deepEqual(await archived(), ["before the archive", "of all three"], "alone it goes on");
  await one.close();
  await two.close();

  const three = await enter(2);
  assert.deepEqual(await words(three), ["before the archive", "of all three"], "a window that was never here gets all of it");
  await propose(three, "of the third");
  const ended = new Promise((resolve) => archive?.once("exit", resolve));
  archive?.kill("SIGKILL");
  await ended;
  const again = await keep(introducer);
  assert.deepEqual(await again(), ["before the archive", "of all three", "of the third"]);
  await propose(three, "after its restart");
  assert.deepEqual(await again(), ["before the archive", "of all three", "of the third", "after its restart"]);
  assert.deepEqual(world.complaints, []);
});
