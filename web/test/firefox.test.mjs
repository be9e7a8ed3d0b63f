// Clusters of windows of Firefox, and of both browsers.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { firefox, launch, launchFirefox } from "./browser.mjs";
import { freeze } from "./freeze.mjs";
import { fromRelayToDirect, hiddenLeader, oneOrigin, relayOnly, seven, wiped, withoutIntroducer } from "./scenes.mjs";
import { patience, pause, picture, stage, until } from "./stage.mjs";
import { acknowledged, agree, closeAll, endLoad, join, leaderAndOthers, load, propose, reopen, status, voters, words } from "./words.mjs";

const skip = existsSync(firefox) ? false : `${firefox} is not here`;
const timeout = { timeout: 4 * patience, skip };

/** @type {Awaited<ReturnType<typeof stage>>} */
let world;
before(async () => {
  if (!skip) world = await stage(launchFirefox, launch);
}, { timeout: 4 * patience });
after(() => {
  frozen?.thaw();
  return world?.close();
});

const inFirefox = (port, how) => world.page(port, "/blank.html", how);
const inChromium = (port) => world.page(port, "/blank.html", { browser: 1 });

/** The windows of a room, one of which is frozen while other tests run. @type {{ tabs: any[], one: any, others: any[], since: number, thaw: () => void, said: string[] } | undefined} */
let frozen;

test("a leader's window of Firefox is frozen under load: another leads, and nothing waits for it", timeout, async () => {
  // Windows of one host share a process; another name of it is another site.
  const alone = new URL("/blank.html", world.addresses[0]);
  alone.hostname = "localhost";
  const one = await join(await world.page(alone.href, "", { window: true }), "frozen in Firefox");
  const others = [await join(await inFirefox(1, { window: true }), "frozen in Firefox"), await join(await inChromium(2), "frozen in Firefox")];
  const tabs = [one, ...others];
  for (const tab of tabs) await voters(tab, 3);
  const { leader } = await leaderAndOthers(tabs);
  await load(others[1]);
  await acknowledged(others[1], 10);
  const { name } = await status(one);
  const thaw = await freeze(one);
  const since = Date.now();
  await until(others[1], "another leader", (name) => window.member.status.leader && window.member.status.leader !== name, name);
  await acknowledged(others[1], 20);
  frozen = { tabs, one, others, since, thaw, said: await endLoad(others[1]) };
  assert.equal(leader, name, "who founded led");
});

test("three windows of Firefox: each proposes, is reloaded and keeps all; the leader's is closed under load", timeout, async () => {
  const tabs = [];
  for (const port of [0, 1, 2]) tabs.push(await join(await inFirefox(port), "firefox"));
  for (const tab of tabs) await voters(tab, 3);
  const expected = [];
  for (const [i, tab] of tabs.entries()) {
    await propose(tab, `word ${i}`);
    expected.push(`word ${i}`);
  }
  assert.deepEqual((await status(tabs[0])).members.map((m) => m.connection).sort(), ["direct", "direct", "self"]);
  assert.ok((await status(tabs[0])).durable);
  for (const tab of tabs) await reopen(tab, "firefox");
  await agree(tabs, expected);
  await Promise.all(tabs.map((tab) => reopen(tab, "firefox")));
  await agree(tabs, expected);
  const { leading, leader, others } = await leaderAndOthers(tabs);
  await load(others[0]);
  await acknowledged(others[0], 10);
  const closing = Date.now();
  await leading.close();
  await until(others[0], "another leader", (before) => window.member.status.leader && window.member.status.leader !== before, leader);
  await propose(others[1], "after the leader");
  console.log(`failover after the leader's window closed: ${Date.now() - closing} ms`);
  await agree(others, [...expected, ...(await endLoad(others[0])), "after the leader"]);
  await closeAll(others);
});

test("two windows of Firefox and one of Chromium share one state", timeout, async () => {
  const tabs = [await join(await inFirefox(0), "mixed"), await join(await inChromium(1), "mixed"), await join(await inFirefox(2), "mixed")];
  for (const tab of tabs) await voters(tab, 3);
  await Promise.all(tabs.map((tab, i) => propose(tab, `word ${i}`)));
  for (const tab of tabs) assert.deepEqual((await status(tab)).members.map((m) => m.connection).sort(), ["direct", "direct", "self"]);
  await tabs[1].reload();
  await join(tabs[1], "mixed");
  await agree(tabs, ["word 0", "word 1", "word 2"]);
  await closeAll(tabs);
});

test("two windows of Firefox of one origin share a member, and the second takes over", timeout, () => oneOrigin(inFirefox, "shared in Firefox"));

test("windows of Firefox that cannot connect directly are relayed", timeout, () => relayOnly(inFirefox, "relayed in Firefox"));

test("windows of Firefox that are relayed move to a direct connection when there is one", timeout, () => fromRelayToDirect(inFirefox, "relay, then direct in Firefox"));

test("windows of Firefox go on without their introducer, and find it again", timeout, async (t) => {
  await withoutIntroducer(inFirefox, "away in Firefox", t);
  world.complaints.length = 0; // that nobody answers
});

test("a leader whose window of Firefox is hidden hands over", timeout, () => hiddenLeader(inFirefox, "hidden in Firefox"));

test("a window of Firefox whose storage was wiped comes back as a new member", timeout, () => wiped(inFirefox, "wiped in Firefox"));

test("seven windows of Firefox: two voters close, and two others take their place", timeout, () => seven(inFirefox, "seven in Firefox"));

test("windows of Firefox and of Chromium draw on one sheet, and each undoes its own", timeout, async () => {
  const link = "/sketch/#" + new URLSearchParams({ room: "drawn in both", secret: "a secret of these tests, and long enough" });
  const tabs = [await world.page(0, link), await world.page(1, link, { browser: 1 })];
  for (const tab of tabs) await until(tab, "an open window", () => window.member?.status.leader && window.member.status.role !== "joining" && document.querySelector(".name").value);
  const draw = async (tab, down) => {
    await tab.bringToFront();
    const { left, top, width } = await tab.$eval(".agreed", (sheet) => sheet.getBoundingClientRect().toJSON());
    await tab.mouse.move(left + 0.2 * width, top + down * width);
    await tab.mouse.down();
    await tab.mouse.move(left + 0.8 * width, top + (1 - down) * width, { steps: 10 });
    await tab.mouse.up();
  };
  const strokes = async (count) => {
    const [one, other] = await Promise.all(tabs.map((tab) => until(tab, `${count} strokes`, async (count) => {
      const { visible } = await import("/sketch/drawing.js");
      const all = visible(window.member.state);
      return all.length === count && all.every((stroke) => stroke.ended) && JSON.stringify(all);
    }, count)));
    assert.equal(one, other);
  };
  await draw(tabs[0], 0.2);
  await draw(tabs[1], 0.8);
  await strokes(2);
  await picture(tabs[0], "sketch in Firefox");
  await tabs[0].bringToFront();
  await tabs[0].click(".undo");
  await strokes(1);
  assert.equal(await tabs[1].$eval(".undo", (button) => button.disabled), false, "what the other drew is still there");
  await closeAll(tabs);
});

test("after a minute the frozen window is thawed, believes nothing that it knew, and votes again", timeout, async () => {
  assert.ok(frozen);
  const { tabs, one, others, since, thaw, said } = frozen;
  await until(others[1], "its vote to be taken", () => window.member.status.members.filter((m) => m.role === "voter").length === 2);
  await propose(others[0], "late");
  await pause(Math.max(0, since + 60_000 - Date.now()));
  thaw();
  assert.deepEqual(await words(one), [...said, "late"], "its first read after the thaw sees all that was acknowledged");
  await voters(others[1], 3);
  await propose(one, "thawed");
  await agree(tabs, [...said, "late", "thawed"]);
  await closeAll(tabs);
});

test("no page complained", { skip }, () => assert.deepEqual(world.complaints, []));
