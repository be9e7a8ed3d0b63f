// What windows of each browser go through. A page is opened by page(port), on one of three
// origins.
import assert from "node:assert/strict";
import { freePort } from "./ports.mjs";
import { introduce, patience, pause, until } from "./stage.mjs";
import { acknowledged, agree, closeAll, endLoad, join, leaderAndOthers, load, propose, status, voters, words } from "./words.mjs";

/** Three windows, each in front of its own, all of which vote. */
export async function three(page, room) {
  const tabs = [];
  for (const port of [0, 1, 2]) tabs.push(await join(await page(port, { window: true }), room));
  for (const tab of tabs) await voters(tab, 3);
  return tabs;
}

/** Two windows of one origin share a member, and the second takes over. */
export async function oneOrigin(page, room) {
  const first = await join(await page(0), room);
  const second = await join(await page(0), room);
  await until(second, "its host's status", () => window.member.status.attached && window.member.status.leader);
  assert.equal(await propose(first, "first"), 1);
  assert.equal(await propose(second, "second"), 2);
  assert.deepEqual(await words(second), ["first", "second"]);
  assert.deepEqual(await words(first), ["first", "second"]);
  assert.equal((await status(second)).members.length, 1, "both are one member");
  const reason = await second.evaluate(() => window.member.propose("late", { signal: AbortSignal.abort() }).catch((error) => `${error.name} ${error.reason}`));
  assert.equal(reason, "NotCommittedError aborted");
  await first.close();
  await until(second, "the member to be its own", () => !window.member.status.attached && window.member.status.role === "leader");
  assert.equal(await propose(second, "third"), 3);
  assert.deepEqual(await words(second), ["first", "second", "third"]);
  await second.close();
}

/** Windows that cannot connect directly are relayed. */
export async function relayOnly(page, room) {
  const tabs = [];
  for (const port of [0, 1, 2]) {
    const tab = await page(port);
    await tab.evaluate(() => delete window.RTCPeerConnection);
    tabs.push(await join(tab, room));
  }
  for (const tab of tabs) await voters(tab, 3);
  const large = "large ".repeat(100_000); // more than may be under way without credit
  await propose(tabs[1], "relayed");
  await propose(tabs[2], large);
  await agree(tabs, ["relayed", large]);
  for (const tab of tabs) assert.deepEqual((await status(tab)).members.map((m) => m.connection).sort(), ["relay", "relay", "self"]);
  await closeAll(tabs);
}

/** Windows that are relayed move to a direct connection once one comes about, and what is under way goes on. */
export async function fromRelayToDirect(page, room) {
  const tabs = [];
  for (const port of [0, 1]) {
    const tab = await page(port);
    await tab.evaluate(() => {
      const { setRemoteDescription } = RTCPeerConnection.prototype;
      window.blocked = true;
      RTCPeerConnection.prototype.setRemoteDescription = function (description) {
        return window.blocked ? Promise.reject(new Error("a network that lets nothing through")) : setRemoteDescription.call(this, description);
      };
    });
    tabs.push(await join(tab, room));
  }
  const all = (kind) => Promise.all(tabs.map((tab) => until(tab, `a connection that is ${kind}`, (kind) => window.member.status.members.filter((m) => m.connection === kind).length === 1, kind)));
  await all("relay");
  for (const tab of tabs) await voters(tab, 2);
  await load(tabs[1]);
  await acknowledged(tabs[1], 10);
  for (const tab of tabs) await tab.evaluate(() => (window.blocked = false));
  await all("direct");
  await acknowledged(tabs[1], 10);
  await agree(tabs, await endLoad(tabs[1]));
  await closeAll(tabs);
}

/** A log that has grown long makes way for a snapshot; who comes later, and who is reloaded, begins with that. */
export async function snapshots(page, room) {
  const count = (state, word) => {
    globalThis.applied = (globalThis.applied ?? 0) + 1;
    state.words.push(word.slice(0, 10));
  };
  const tabs = [];
  for (const port of [0, 1]) tabs.push(await join(await page(port), room, {}, count));
  for (const tab of tabs) await voters(tab, 2);
  const expected = await tabs[0].evaluate(async (patience) => {
    const all = Array.from({ length: 40 }, (_, i) => `word ${i} `.padEnd(1_000_000));
    for (const word of all) await window.member.propose(word, { signal: AbortSignal.timeout(patience) });
    return all.map((word) => word.slice(0, 10));
  }, patience);
  const third = await join(await page(2), room, {}, count);
  await agree([...tabs, third], expected);
  const begins = await third.evaluate(() => globalThis.applied ?? 0);
  assert.ok(begins < 30, `it ran ${begins} of 40 commands, which is what 30 MB of log have`);
  await tabs[1].reload();
  await join(tabs[1], room, {}, count);
  await propose(tabs[1], "and on");
  await agree([...tabs, third], [...expected, "and on"]);
  const again = await tabs[1].evaluate(() => globalThis.applied);
  assert.ok(again < 30, `after its reload it ran ${again} of 41 commands`);
  await closeAll([...tabs, third]);
}

/** The introducer goes: those who are here go on, new ones wait until it is back. Browsers say on the console that nobody answers. */
export async function withoutIntroducer(page, room, t) {
  const port = await freePort();
  const start = () => introduce(`127.0.0.1:${port}`, "--origin", "*");
  const first = await start();
  t.after(first.stop);
  const more = { introducer: `ws://127.0.0.1:${port}` };
  const tabs = [await join(await page(0), room, more), await join(await page(1), room, more)];
  for (const tab of tabs) await voters(tab, 2);
  await first.stop();
  for (const tab of tabs) await until(tab, "the introducer to be away", () => window.member.status.introducer === "away" && window.member.status.problem);
  await propose(tabs[0], "without it");
  const late = await page(2);
  const joining = join(late, room, more);
  await pause(300);
  await propose(tabs[1], "still without it");
  const second = await start();
  t.after(second.stop);
  await joining;
  assert.notEqual((await status(late)).role, "leader", "it did not found a cluster of its own");
  for (const tab of tabs) await until(tab, "the introducer", () => window.member.status.introducer === "here" && !window.member.status.problem);
  await propose(late, "with it");
  await agree([...tabs, late], ["without it", "still without it", "with it"]);
  await closeAll([...tabs, late]);
}

/** A browser threw away what a window had stored: it comes back as a new member, with all that was acknowledged. */
export async function wiped(page, room) {
  const tabs = await three(page, room);
  for (const word of ["one", "two", "three"]) await propose(tabs[0], word);
  const { name } = await status(tabs[2]);
  const id = await tabs[2].evaluate(() => window.member.keys.id);
  await tabs[2].reload();
  await until(tabs[2], "its files to be gone, which its former Worker may hold for a moment", async (id) => {
    let rooms = await navigator.storage.getDirectory();
    for (const name of ["balsa", "balsa"]) rooms = await rooms.getDirectoryHandle(name);
    return rooms.removeEntry(id, { recursive: true }).then(() => true, () => false);
  }, id);
  await join(tabs[2], room);
  assert.notEqual((await status(tabs[2])).name, name);
  await agree(tabs, ["one", "two", "three"]);
  await voters(tabs[0], 3);
  await propose(tabs[2], "four");
  await agree(tabs, ["one", "two", "three", "four"]);
  await closeAll(tabs);
}

/** Five of seven windows vote; two voters close under load, and two others take their place. */
export async function seven(page, room) {
  const tabs = [];
  for (const i of Array(7).keys()) tabs.push(await join(await page(i % 3), room, { name: `window ${i}` }));
  await voters(tabs[0], 5);
  const { leading } = await leaderAndOthers(tabs);
  const voting = await Promise.all(tabs.map((tab) => status(tab).then((s) => s.members.find((m) => m.self)?.role === "voter")));
  const leave = tabs.filter((tab, i) => voting[i] && tab !== leading).slice(0, 2);
  const stay = tabs.filter((tab) => !leave.includes(tab));
  await load(stay[0]);
  await acknowledged(stay[0], 10);
  await closeAll(leave);
  await acknowledged(stay[0], 10);
  await until(stay[0], "five voters that are here", () => window.member.status.members.filter((m) => m.role === "voter" && m.connection !== "none").length === 5);
  await agree(stay, await endLoad(stay[0]));
  await closeAll(stay);
}

/** A leader whose window is hidden hands over to one that can be seen. */
export async function hiddenLeader(page, room) {
  const tabs = await three(page, room);
  const { leading, leader, others } = await leaderAndOthers(tabs);
  const { term } = await status(leading);
  await leading.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { value: "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await until(others[0], "another leader", (before) => window.member.status.leader && window.member.status.leader !== before, leader);
  assert.ok((await status(others[0])).term > term);
  await propose(leading, "from behind");
  await agree(tabs, ["from behind"]);
  await closeAll(tabs);
}
