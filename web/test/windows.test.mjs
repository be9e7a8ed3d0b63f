// Whole clusters of windows in a real browser: three ports are three origins, and so
// three members.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fromRelayToDirect, oneOrigin, relayOnly, snapshots } from "./scenes.mjs";
import { patience, stage, until } from "./stage.mjs";
import { acknowledged, agree, closeAll, endLoad, join, leaderAndOthers, load, propose, reopen, status, voters, words } from "./words.mjs";

/** @type {Awaited<ReturnType<typeof stage>>} */
let world;
before(async () => void (world = await stage()));
after(() => world?.close());

const page = (port) => world.page(port, "/blank.html");

/** Three windows, all of which vote. */
async function three(room) {
  const tabs = [];
  for (const port of [0, 1, 2]) tabs.push(await join(await page(port), room));
  for (const tab of tabs) await voters(tab, 3);
  return tabs;
}

test("three windows form a cluster, and each proposes and reads", { timeout: 4 * patience }, async () => {
  const tabs = await three("three");
  const expected = [];
  for (const [i, tab] of tabs.entries()) {
    expected.push(`word ${i}`);
    assert.equal(await propose(tab, `word ${i}`), i + 1, "the result is what apply returned");
  }
  for (const tab of tabs) {
    assert.deepEqual(await words(tab), expected);
    const now = await status(tab);
    assert.ok(now.durable, "what is acknowledged is kept on this device");
    assert.deepEqual(now.members.map((m) => m.connection).sort(), ["direct", "direct", "self"]);
  }
  await closeAll(tabs);
});

test("each window is reloaded, and nothing is lost", { timeout: 6 * patience }, async () => {
  const tabs = await three("reload");
  await propose(tabs[0], "before");
  const expected = ["before"];
  for (const [i, tab] of tabs.entries()) {
    const { name } = await status(tab);
    await reopen(tab, "reload");
    assert.equal((await status(tab)).name, name, "it comes back as the member that it was");
    await propose(tab, `after reload ${i}`);
    expected.push(`after reload ${i}`);
  }
  for (const tab of tabs) assert.deepEqual(await words(tab), expected);
  await Promise.all(tabs.map((tab) => reopen(tab, "reload")));
  for (const tab of tabs) assert.deepEqual(await words(tab), expected, "after all were reloaded at once");
  await closeAll(tabs);
});

test("the leader's window is closed under load, and no acknowledged word is lost", { timeout: 6 * patience }, async () => {
  const tabs = await three("failover");
  const { leading, leader, others } = await leaderAndOthers(tabs);
  await load(others[0]);
  await acknowledged(others[0], 10);
  const closing = Date.now();
  await leading.close();
  await until(others[0], "another leader", (before) => window.member.status.leader && window.member.status.leader !== before, leader);
  await propose(others[1], "after the leader");
  console.log(`failover after the leader's window closed: ${Date.now() - closing} ms`);
  await agree(others, await endLoad(others[0]));
  await closeAll(others);
});

test("a voter that is away is replaced, and a cluster shrinks to one window in order", { timeout: 6 * patience }, async () => {
  const tabs = await three("shrink");
  await propose(tabs[0], "three of us");
  await tabs[2].close(); // without a word
  for (const tab of tabs.slice(0, 2)) await voters(tab, 2);
  await tabs[1].evaluate(() => window.member.close());
  await voters(tabs[0], 1);
  await propose(tabs[0], "alone");
  assert.deepEqual(await words(tabs[0]), ["three of us", "alone"]);
  await closeAll(tabs.slice(0, 2));
});

test("a window that closes while it is being given a vote leaves nobody waiting", { timeout: 6 * patience }, async () => {
  const first = await join(await page(0), "hasty");
  for (const word of ["one", "two", "three"]) {
    const second = await join(await page(1), "hasty");
    await until(second, "itself among the members", () => window.member.status.members.some((m) => m.self));
    await second.evaluate(() => window.member.close());
    await second.close();
    await propose(first, word);
  }
  await agree([first], ["one", "two", "three"]);
  await first.close();
});

test("two windows of one origin share a member, and the second takes over", { timeout: 4 * patience }, () => oneOrigin(page, "shared"));

// Scenario acquaintance-gone.
test("a window whose only acquaintance leaves before it answers joins by way of another", { timeout: 4 * patience }, async () => {
  const one = await join(await page(0), "acquaintance");
  const late = await page(1);
  await late.evaluate(async () => {
    const { Room } = await import("/balsa/lib/room.js");
    const { sought } = Room.prototype;
    Room.prototype.sought = async function (signal) {
      await sought.call(this, signal);
      return [/** @type {any} */ ({ member: "who has left" })];
    };
  });
  await join(late, "acquaintance");
  await propose(late, "taken in");
  await agree([one, late], ["taken in"]);
  await closeAll([one, late]);
});

test("windows that cannot connect directly are relayed", { timeout: 4 * patience }, () => relayOnly(page, "relay"));

test("windows that are relayed move to a direct connection when there is one", { timeout: 4 * patience }, () => fromRelayToDirect(page, "relay, then direct"));

test("a long log makes way for a snapshot, with which others begin", { timeout: 4 * patience }, () => snapshots(page, "snapshots"));

test("who has another secret is in another room", { timeout: 4 * patience }, async () => {
  const one = await join(await page(0), "secret");
  const other = await join(await page(1), "secret", { secret: "another secret, just as long as that" });
  await propose(one, "here");
  await propose(other, "there");
  assert.deepEqual([await words(one), await words(other)], [["here"], ["there"]]);
  await closeAll([one, other]);
});

test("a member in memory says so, and does not vote", { timeout: 4 * patience }, async () => {
  const durable = await join(await page(0), "memory");
  const memory = await join(await page(1), "memory", { memory: true });
  await propose(memory, "hello");
  assert.deepEqual(await words(durable), ["hello"]);
  const now = await until(memory, "itself in the list", () => window.member.status.members.length === 2 && window.member.status);
  assert.equal(now.durable, false);
  assert.equal(now.members.find((m) => m.self).role, "learner");
  await closeAll([durable, memory]);
});

test("a reducer that throws stops its member and says at which command; the others go on", { timeout: 4 * patience }, async () => {
  const sound = (state, word) => state.words.push(word);
  const throws = (state, word) => {
    if (word.type) throw new Error("no such item");
    return state.words.push(word);
  };
  const tabs = [];
  for (const [port, reducer] of [[0, sound], [1, sound], [2, throws]]) tabs.push(await join(await page(port), "throws", {}, reducer));
  for (const tab of tabs) await voters(tab, 3);
  await propose(tabs[2], "milk");
  const error = await tabs[2].evaluate(() => window.member.propose({ type: "toggle" }).then(() => "", (error) => `${error.name}: ${error.message}`));
  assert.match(error, /^UnknownError: .*no such item/);
  const problem = await until(tabs[2], "the reason", () => window.member.status.stopped && window.member.status.problem);
  assert.match(problem, /no such item at entry \d+, the command \{"type":"toggle"\}/);
  const late = await tabs[2].evaluate(() => window.member.propose("late").catch((error) => `${error.name}: ${error.message}`));
  assert.match(late, /^NotCommittedError: .*no such item/, "it takes nothing any more, and says why");
  await propose(tabs[0], "bread");
  await agree(tabs.slice(0, 2), ["milk", "bread"]);
  await closeAll(tabs);
});

test("a command that is no JSON, or too large, is not committed, and the next one is", { timeout: 4 * patience }, async () => {
  const tab = await join(await page(0), "commands");
  const attempt = (make) => tab.evaluate((make) => window.member.propose(eval(make)()).then(() => "", (error) => `${error.name} ${error.reason}: ${error.message}`), make.toString());
  assert.match(await attempt(() => undefined), /^NotCommittedError wrong-options: a command must be something that JSON can write: it is undefined/);
  assert.match(await attempt(() => () => 0), /JSON can write: it is function/);
  assert.match(await attempt(() => 7n), /JSON can write: TypeError: .*BigInt/);
  assert.match(await attempt(() => { const round = {}; return (round.self = round); }), /JSON can write: TypeError: .*circular/);
  assert.match(await attempt(() => "x".repeat(2 << 20)), /^NotCommittedError too-large: .*\d/);
  assert.equal(await propose(tab, "small"), 1);
  assert.deepEqual(await words(tab), ["small"]);
  await tab.close();
});

test("wrong options are explained", async () => {
  const tab = await page(0);
  const message = (options) => tab.evaluate(async (options) => {
    const balsa = await import("/balsa/balsa.js");
    return balsa.open({ ...options, apply: () => 0 }).then(() => "", (error) => `${error.reason}: ${error.message}`);
  }, options);
  const good = { room: "r", secret: "a secret of these tests, and long enough", introducer: "ws://localhost", initial: {} };
  assert.match(await message({ ...good, secret: "short" }), /wrong-options: secret needs at least 16 random bytes/);
  assert.match(await message({ ...good, introducer: "https://example.org" }), /wrong-options: introducer must be an address that begins with wss:/);
  assert.match(await message({ ...good, initial: undefined }), /wrong-options: initial must be/);
  const round = await tab.evaluate(async (options) => {
    const { open } = await import("/balsa/balsa.js");
    return open({ ...options, initial: { big: 1n }, apply: () => 0 }).catch((error) => `${error.reason}: ${error.message}`);
  }, good);
  assert.match(round, /wrong-options: initial must be something that JSON can write: TypeError: .*BigInt/);
  await tab.close();
});

test("no page complained", () => assert.deepEqual(world.complaints, []));
