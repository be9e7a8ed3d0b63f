// What tests with windows share: a log of words, each with its number.
import assert from "node:assert/strict";
import { patience, until } from "./stage.mjs";

/** Opens the member of a room in a window. Its reducer is that of `apply`, which may use nothing from outside. */
export async function join(tab, room, more = {}, apply = (state, word) => state.words.push(word)) {
  await tab.evaluate(async (room, more, apply, patience) => {
    const balsa = await import("/balsa/balsa.js");
    window.lines = [];
    window.member = await balsa.open({
      room, secret: "a secret of these tests, and long enough", introducer: location.origin.replace("http", "ws"),
      initial: { words: [] },
      apply: eval(apply),
      log: (line) => window.lines.push(line),
      signal: AbortSignal.timeout(patience),
      ...more,
    });
  }, room, more, apply.toString(), patience);
  return tab;
}

export const reopen = async (tab, room, more) => (await tab.reload(), join(tab, room, more));
export const propose = (tab, word) => tab.evaluate((word, patience) => window.member.propose(word, { signal: AbortSignal.timeout(patience) }), word, patience);
export const words = (tab) => tab.evaluate((patience) => window.member.read((state) => state.words, { signal: AbortSignal.timeout(patience) }), patience);
export const status = (tab) => tab.evaluate(() => window.member.status);
export const closeAll = (tabs) => Promise.all(tabs.map((tab) => tab.close()));

export const voters = (tab, count) => until(tab, `${count} voters`, (count) => window.member.status.members.filter((m) => m.role === "voter").length === count, count);

/** The window whose member leads, and the others. */
export async function leaderAndOthers(tabs) {
  for (;;) {
    const leader = await until(tabs[0], "a leader", () => window.member.status.leader);
    const names = await Promise.all(tabs.map(async (tab) => (await status(tab)).name));
    const leading = tabs[names.indexOf(leader)];
    if (leading) return { leading, leader, others: tabs.filter((tab) => tab !== leading) };
  }
}

/** Begins to propose, one word after the other. */
export const load = (tab) => tab.evaluate(() => {
  window.acknowledged = [];
  window.enough = false;
  window.load = (async () => {
    for (let i = 0; !window.enough; i++) {
      await window.member.propose(`load ${i}`).then(() => window.acknowledged.push(`load ${i}`), (error) => {
        if (error.name !== "UnknownError" && error.name !== "NotCommittedError") throw error;
      });
    }
  })();
});

export const acknowledged = (tab, count) => until(tab, `${count} words more`, (count) => {
  window.from ??= window.acknowledged.length;
  return window.acknowledged.length >= window.from + count && ((window.from = undefined), true);
}, count);

/** Ends the load, and says what was acknowledged. */
export const endLoad = (tab) => tab.evaluate(async () => {
  window.enough = true;
  await window.load;
  return window.acknowledged;
});

/** All states are equal, and hold each word that was acknowledged once. */
export async function agree(tabs, expected) {
  const [first, ...others] = await Promise.all(tabs.map(words));
  for (const other of others) assert.deepEqual(other, first, "states are equal");
  assert.deepEqual(expected.filter((word) => !first.includes(word)), [], "acknowledged and lost");
  assert.equal(new Set(first).size, first.length, "applied twice");
}
