// What windows go through: frozen pages, lost storage, an introducer that goes and comes,
// rooms that are full, packages that do not fit. After each all states are equal, and
// nothing is lost that was acknowledged.
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join as pathOf } from "node:path";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import { freePort } from "./ports.mjs";
import { hiddenLeader, seven, three, wiped, withoutIntroducer } from "./scenes.mjs";
import { served } from "./served.mjs";
import { introduce, patience, pause, stage, until } from "./stage.mjs";
import { acknowledged, agree, closeAll, endLoad, join, leaderAndOthers, load, propose, status, voters, words } from "./words.mjs";

/** @type {Awaited<ReturnType<typeof stage>>} */
let world;
before(async () => void (world = await stage()), { timeout: 4 * patience });
after(() => world?.close());

const page = (port, how) => world.page(port, "/blank.html", how);
const timeout = { timeout: 4 * patience };

/** The windows of a room whose leader's page is frozen while other tests run. @type {{ tabs: any[], leading: any, others: any[], since: number, cdp: any, said: string[] }} */
let frozen;

test("a leader's page is frozen under load: another leads, and nothing waits for it", timeout, async () => {
  const tabs = await three(page, "frozen");
  const { leading, leader, others } = await leaderAndOthers(tabs);
  await load(others[0]);
  await acknowledged(others[0], 10);
  const cdp = await leading.createCDPSession();
  await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
  const since = Date.now();
  await until(others[0], "another leader", (before) => window.member.status.leader && window.member.status.leader !== before, leader);
  await acknowledged(others[0], 50);
  frozen = { tabs, leading, others, since, cdp, said: await endLoad(others[0]) };
});

test("a leader whose window is hidden hands over", timeout, () => hiddenLeader(page, "hidden"));

test("a window whose storage was wiped comes back as a new member, with all that was acknowledged", timeout, () => wiped(page, "wiped"));

test("the introducer goes: those who are here go on, new ones wait until it is back", timeout, async (t) => {
  await withoutIntroducer(page, "away", t);
  world.complaints.length = 0; // that nobody answers
});

test("windows that wait together for an introducer that has never been there found one cluster", timeout, async (t) => {
  const port = await freePort();
  const more = { introducer: `ws://127.0.0.1:${port}` };
  const tabs = await Promise.all([0, 1, 2].map((i) => page(i)));
  const joining = tabs.map((tab) => join(tab, "together", more));
  for (const tab of tabs) await until(tab, "that nobody answers", () => window.lines?.some((line) => /no introducer answers/.test(line)));
  const started = await introduce(`127.0.0.1:${port}`, "--origin", "*");
  t.after(started.stop);
  await Promise.all(joining);
  for (const [i, tab] of tabs.entries()) await propose(tab, `word ${i}`);
  await agree(tabs, ["word 0", "word 1", "word 2"]);
  await closeAll(tabs);
  world.complaints.length = 0; // that nobody answers
});

test("a device without room: reads go on, what is proposed waits, and who gives up is told why", timeout, async () => {
  const tab = await join(await page(2), "no room");
  const cdp = await tab.createCDPSession();
  const room = (quotaSize) => cdp.send("Storage.overrideQuotaForOrigin", { origin: world.addresses[2], quotaSize });
  await room(1024);
  const said = await tab.evaluate(async (patience) => {
    window.fitted = [];
    for (let i = 0; ; i++) {
      const word = `${i} `.padEnd(250_000);
      const given = new AbortController();
      const giveUp = setInterval(() => window.member.status.waiting && given.abort(), 50);
      const error = await window.member.propose(word, { signal: AbortSignal.any([given.signal, AbortSignal.timeout(patience)]) }).catch((error) => error);
      clearInterval(giveUp);
      if (error instanceof Error) return { name: error.name, reason: error.reason, waiting: window.member.status.waiting };
      window.fitted.push(word);
    }
  }, patience);
  assert.equal(said.reason, "no-space");
  assert.match(said.name, /^(Unknown|NotCommitted)Error$/);
  assert.match(said.waiting, /make room on this device/);
  const fitted = await tab.evaluate(() => window.fitted);
  assert.deepEqual((await words(tab)).slice(0, fitted.length), fitted, "reads go on");
  await room(undefined);
  await propose(tab, "with room");
  await until(tab, "that there is room", () => window.member.status.waiting === "");
  await agree([tab], [...fitted, "with room"]);
  await tab.close();
});

test("seven windows, five of which vote: two voters close, and two others take their place", timeout, () => seven(page, "seven"));

test("a reducer that does not do the same everywhere stops its member, and the others go on", timeout, async () => {
  const alike = (state, word) => state.words.push(word);
  const other = (state, word) => state.words.push(word + "!");
  const tabs = [];
  for (const [port, reducer] of [[0, alike], [1, alike], [2, other]]) tabs.push(await join(await page(port, { window: true }), "differs", {}, reducer));
  for (const tab of tabs) await voters(tab, 3);
  const expected = await tabs[0].evaluate(async () => {
    const all = Array.from({ length: 1100 }, (_, i) => `word ${i}`);
    await Promise.all(all.map((word) => window.member.propose(word)));
    return all;
  });
  const stopped = await until(tabs[2], "it to stop", () => window.member.status.stopped && { reason: window.member.status.stopped.reason, problem: window.member.status.problem });
  assert.equal(stopped.reason, "diverged");
  assert.match(stopped.problem, /state/);
  await propose(tabs[1], "without it");
  await agree(tabs.slice(0, 2), [...expected, "without it"]);
  await closeAll(tabs);
});

test("a room that is full says so, and lets in who waits once there is room", timeout, async (t) => {
  const small = await introduce("127.0.0.1:0", "--origin", "*", "--max-members", "2");
  t.after(small.stop);
  const more = { introducer: small.addresses[0].replace("http", "ws") };
  const tabs = [await join(await page(0), "full", more), await join(await page(1), "full", more)];
  const third = await page(2);
  const why = await third.evaluate(async (more) => {
    const { open } = await import("/balsa/balsa.js");
    const patience = new AbortController();
    const log = (line) => /room-full/.test(line) && patience.abort();
    const options = { room: "full", secret: "a secret of these tests, and long enough", initial: {}, apply: () => 0, log, ...more };
    return open({ ...options, signal: patience.signal }).then(() => "", (error) => `${error.reason}: ${error.message}`);
  }, more);
  assert.match(why, /^introducer: .*room-full/);
  const joining = join(third, "full", more);
  await tabs[1].evaluate(() => window.member.close());
  await joining;
  await propose(third, "in");
  await agree([tabs[0], third], ["in"]);
  await closeAll([...tabs, third]);
});

test("where a token is asked for it lets in once, and the window comes back without another", timeout, async (t) => {
  const dir = await mkdtemp(pathOf(tmpdir(), "balsa-token-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const key = randomBytes(32);
  await writeFile(pathOf(dir, "key"), key);
  const port = await freePort();
  const start = () => introduce(`127.0.0.1:${port}`, "--origin", "*", "--token-key-file", pathOf(dir, "key"));
  const first = await start();
  t.after(first.stop);
  const introducer = `ws://127.0.0.1:${port}`;
  const { Keys } = await import("../lib/keys.js");
  const claims = { room: (await Keys.derive("tokens", "a secret of these tests, and long enough")).id, member: "", expires: Math.floor(Date.now() / 1000) + 600, id: randomBytes(12).toString("hex"), many: false };
  const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
  const token = `balsa1.${body}.${createHmac("sha256", key).update(`balsa room token 1\0${body}`).digest("base64url")}`;
  const tab = await page(0);
  await join(tab, "tokens", { introducer, token });
  const refused = async (more) => {
    const other = await page(1);
    const why = await other.evaluate(async (more) => {
      const { open } = await import("/balsa/balsa.js");
      return open({ room: "tokens", secret: "a secret of these tests, and long enough", initial: {}, apply: () => 0, ...more }).then(() => "", (error) => `${error.reason}: ${error.message}`);
    }, { introducer, ...more });
    await other.close();
    return why;
  };
  assert.match(await refused({}), /^introducer: .*\(token-missing\)/);
  assert.match(await refused({ token }), /^introducer: .*\(token-used\)/);
  await first.stop();
  await until(tab, "the introducer to be away", () => window.member.status.introducer === "away");
  const second = await start();
  t.after(second.stop);
  await until(tab, "the introducer", () => window.member.status.introducer === "here");
  assert.equal(await tab.evaluate((given) => window.member.company.room.token === given, token), false, "it came back with what the welcome brought");
  await propose(tab, "with a token");
  await tab.close();
  world.complaints.length = 0; // that nobody answers
});

test("a program that is not there, or is none, is named", timeout, async (t) => {
  const withoutProgram = (dir) => Promise.all(["", ".gz", ".br"].map((ending) => rm(`${dir}/member.wasm${ending}`, { force: true })));
  for (const [change, expected] of [
    [withoutProgram, /^load: .*member\.wasm, cannot be loaded: 404/],
    [(dir) => withoutProgram(dir).then(() => writeFile(dir + "/member.wasm", "<html>")), /^load: .*member\.wasm, cannot be loaded: /],
  ]) {
    const broken = await served(t, change);
    const tab = await world.page(broken.addresses[0], "/blank.html");
    const why = await join(tab, "load").then(() => "", () => tab.evaluate(async () => {
      const { open } = await import("/balsa/balsa.js");
      return open({ room: "load", secret: "a secret of these tests, and long enough", introducer: location.origin.replace("http", "ws"), initial: {}, apply: () => 0 })
        .then(() => "", (error) => `${error.reason}: ${error.message}`);
    }));
    assert.match(why, expected);
    await tab.close();
  }
  world.complaints.length = 0; // a browser says on the console what it did not get
});

test("a browser that keeps no files: the member is in memory, says so, and does not vote unless it is asked to", timeout, async (t) => {
  const without = await served(t, async (dir) => {
    const worker = await readFile(dir + "/worker.js", "utf8");
    const refuse = 'StorageManager.prototype.getDirectory = () => Promise.reject(new DOMException("Security error", "SecurityError"));'; // as private windows do
    await writeFile(dir + "/worker.js", `${refuse}\n${worker}`);
  });
  const introducer = without.addresses[0].replace("http", "ws");
  const meet = async (room, more) => {
    const tabs = [await join(await page(0), room, { introducer, ...more }), await join(await world.page(without.addresses[1], "/blank.html"), room, { introducer, ...more })];
    await propose(tabs[1], "hello");
    return { tabs, durable: await Promise.all(tabs.map(async (tab) => (await status(tab)).durable)) };
  };
  const { tabs, durable } = await meet("no files");
  assert.deepEqual(durable, [true, false]);
  await until(tabs[1], "its role", () => window.member.members.find((m) => m.self)?.role === "learner");
  await agree(tabs, ["hello"]);
  const asked = await meet("no files, and a vote", { memoryVotes: true });
  assert.deepEqual(asked.durable, [true, false]);
  for (const tab of asked.tabs) await voters(tab, 2);
  await agree(asked.tabs, ["hello"]);
  await closeAll([...tabs, ...asked.tabs]);
});

test("versions of the package that differ are said, and which is older", timeout, async (t) => {
  const older = await served(t, async (dir) => {
    const peers = await readFile(dir + "/lib/peers.js", "utf8");
    await writeFile(dir + "/lib/peers.js", peers.replace(/export const version = "[^"]+"/, 'export const version = "0.0.9"'));
  });
  const introducer = older.addresses[0].replace("http", "ws");
  const tabs = [await join(await world.page(older.addresses[0], "/blank.html"), "versions"), await join(await world.page(older.addresses[1], "/blank.html"), "versions", { introducer })];
  assert.deepEqual(await Promise.all(tabs.map((tab) => tab.evaluate(() => window.member.status.problem))), ["", ""], "alike");
  const newer = await page(2);
  await join(newer, "versions", { introducer });
  const problem = await until(tabs[0], "the difference", () => window.member.status.problem);
  assert.match(problem, /runs version \d+\.\d+\.\d+ of this package, and this one 0\.0\.9: reload the one that is older/);
  await propose(newer, "all the same");
  await agree([...tabs, newer], ["all the same"]);
  await closeAll([...tabs, newer]);
});

test("a page over plain HTTP is told what it lacks", timeout, async () => {
  const tab = await page(0);
  const why = await tab.evaluate(async () => {
    Object.defineProperty(window, "isSecureContext", { value: false });
    const { open } = await import("/balsa/balsa.js");
    return open({}).then(() => "", (error) => `${error.reason}: ${error.message}`);
  });
  assert.match(why, /^unsupported: .*plain HTTP.*HTTPS, or from localhost/);
  await tab.close();
});

test("after a minute the frozen page is thawed, believes nothing that it knew, and votes again", timeout, async () => {
  const { tabs, leading, others, since, cdp, said } = frozen;
  await until(others[0], "its vote to be taken", () => window.member.status.members.filter((m) => m.role === "voter").length === 2);
  await propose(others[1], "late");
  await pause(Math.max(0, since + 60_000 - Date.now()));
  await cdp.send("Page.setWebLifecycleState", { state: "active" });
  assert.deepEqual(await words(leading), [...said, "late"], "its first read after the thaw sees all that was acknowledged");
  await voters(others[0], 3);
  await propose(leading, "thawed");
  await agree(tabs, [...said, "late", "thawed"]);
  await closeAll(tabs);
});

test("no page complained", () => assert.deepEqual(world.complaints, []));
