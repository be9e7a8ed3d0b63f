// A cluster of servers (balsa keep) that run the reducer of the windows which are members
// of it, and callers that are no members.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { bound } from "./bound.mjs";
import { launch } from "./browser.mjs";
import { command } from "./built.mjs";
import { freePort } from "./ports.mjs";
import { listen, patience, until } from "./stage.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const secret = "a secret of these tests, and long enough";
const names = ["a", "b", "c"];

async function company() {
  const dir = await mkdtemp(join(tmpdir(), "balsa-keep-"));
  const cluster = [];
  const doors = [];
  for (const name of names) {
    cluster.push(`${name}=127.0.0.1:${await freePort()}`);
    doors.push(`http://127.0.0.1:${await freePort()}`);
  }
  const servers = names.map((name, i) => bound(spawn(command(), [
    "keep", "--name", name, "--dir", join(dir, name), "--listen", cluster[i].slice(2), "--cluster", cluster.join(","), "--http", doors[i].slice(7), "--door", doors[i].replace("http", "ws"),
    "--reducer", join(here, "keep/reducer.js"), "--pages", join(here, "keep"), "--room", "words",
  ], { cwd: join(here, "../.."), env: { ...process.env, BALSA_SECRET: secret }, stdio: ["ignore", "pipe", "inherit"] })));
  await Promise.all(servers.map((server) => new Promise((ready, failed) => {
    server.stdout.once("data", ready);
    server.once("exit", (code) => failed(new Error(`balsa keep ended with ${code}`)));
  })));
  const { browser, close } = await launch();
  const complaints = [];
  return {
    servers, doors, complaints,
    /** A page of the first server. */
    async page() {
      const tab = await browser.newPage();
      listen(tab, complaints, "a page of the first server", { network: false });
      await tab.goto(doors[0], { timeout: patience });
      return tab;
    },
    async close() {
      await close();
      for (const server of servers) server.kill("SIGKILL");
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** @type {Awaited<ReturnType<typeof company>>} */
let world;
before(async () => void (world = await company()));
after(() => world?.close());

/** Opens a window's member, which knows some servers; one browser plays several by their names. */
async function enter(tab, name, doors = world.doors) {
  await tab.evaluate(async (name, secret, servers, patience) => {
    const [{ open }, words] = await Promise.all([import("/balsa/balsa.js"), import("/reducer.js")]);
    window.lines = [];
    window.member = await open({ ...words, name, room: "words", secret, servers, log: (line) => window.lines.push(line), signal: AbortSignal.timeout(patience) });
  }, name, secret, doors.map((door) => door.replace("http", "ws")), patience);
  return tab;
}

const propose = (tab, word) => tab.evaluate((word, patience) => window.member.propose(word, { signal: AbortSignal.timeout(patience) }), word, patience);
const words = (tab) => tab.evaluate((patience) => window.member.read((state) => state.words, { signal: AbortSignal.timeout(patience) }), patience);
const roles = (tab) => tab.evaluate(() => window.member.members.map((m) => `${m.role} ${m.connection}`).sort());

/** Gives a page a caller, at servers in an order of its own. */
async function connect(tab, token, order) {
  await tab.evaluate(async (servers, token) => {
    const { connect } = await import("/balsa/client.js");
    window.cluster = connect({ servers, token });
  }, order.map((i) => world.doors[i]), token);
  return tab;
}

const said = (tab, ...command) => tab.evaluate((command, patience) => window.cluster.propose(...command, { signal: AbortSignal.timeout(patience) }), command, patience);

test("windows and callers share what three servers keep, and nothing is lost when one of them goes, though it was all that a window knew", { timeout: 8 * patience }, async () => {
  const one = await enter(await world.page(), "one");
  // A server that is not the one with the pages, and leads if that can be had.
  const leader = await until(one, "a leader", () => window.member.status.leader);
  const going = Math.max(1, names.indexOf(leader));
  const two = await enter(await world.page(), "two", [world.doors[going]]);
  assert.equal((await propose(one, "of one")).length, 1, "the result is what apply returned");
  assert.equal((await propose(two, "of two")).length, 2);
  for (const tab of [one, two]) {
    await until(tab, "all connections", () => window.member.members.length === 5 && window.member.members.filter((m) => m.connection === "server").length === 3);
    assert.deepEqual(await roles(tab), ["learner none", "learner self", "voter server", "voter server", "voter server"]);
  }

  const caller = await connect(await world.page(), secret, [1, 2, 0]);
  assert.equal((await said(caller, "of a caller")).length, 3);
  assert.deepEqual(await caller.evaluate(() => window.cluster.query()), ["of one", "of two", "of a caller"]);
  assert.equal(await caller.evaluate(() => window.cluster.query(1, { stale: 60_000 })), "of two");
  assert.deepEqual(await said(caller, { no: "word" }), { refused: { no: "word" } });

  world.servers[going].kill("SIGKILL");
  const expected = ["of one", "of two", "of a caller", "after it, of two", "after it, of a caller"];
  await propose(two, expected[3]);
  assert.equal((await said(caller, expected[4])).length, 5, "a caller goes to another server");
  for (const tab of [one, two]) assert.deepEqual(await words(tab), expected);

  const name = await two.evaluate(() => window.member.status.name);
  await two.reload();
  await enter(two, "two");
  assert.equal(await two.evaluate(() => window.member.status.name), name, "it comes back as the member that it was");
  assert.deepEqual(await words(two), expected);

  const watched = await caller.evaluate(async (patience) => {
    const all = [];
    for await (const { command } of window.cluster.watch({ signal: AbortSignal.timeout(patience) })) {
      all.push(command);
      if (all.length === 6) break;
    }
    return all;
  }, patience);
  assert.deepEqual(watched, [...expected.slice(0, 3), { no: "word" }, ...expected.slice(3)], "each command once, in order");
});

test("a caller is told whether it happened, and why not", { timeout: 4 * patience }, async () => {
  const attempt = (tab, ...args) => tab.evaluate((...args) => window.cluster.propose(...args).then(() => "it happened", (error) => `${error.name} ${error.reason}: ${error.message}`), ...args);
  const stranger = await connect(await world.page(), "another secret", [0]);
  assert.match(await attempt(stranger, "hello"), /^NotCommittedError unauthenticated: callers show the secret/);
  const caller = await connect(await world.page(), secret, [0, 1, 2]);
  assert.match(await attempt(caller, "x".repeat(2 << 20)), /^NotCommittedError too-large: /);
  const late = await caller.evaluate(() => window.cluster.propose("late", { signal: AbortSignal.abort() }).catch((error) => `${error.name} ${error.reason}`));
  assert.equal(late, "NotCommittedError aborted");
  const alone = await caller.evaluate(async () => {
    const { connect } = await import("/balsa/client.js");
    return connect({ servers: ["example.org"] });
  }).catch((error) => error.message);
  assert.match(alone, /servers must be addresses that begin with https:/);
  const before = await caller.evaluate(() => window.cluster.query());
  await Promise.all(Array.from({ length: 50 }, (_, i) => said(caller, `many ${i}`)));
  const after = await caller.evaluate(() => window.cluster.query());
  assert.deepEqual(after.slice(before.length).sort(), Array.from({ length: 50 }, (_, i) => `many ${i}`).sort(), "each of many at once is applied once");
});

test("who has another secret is told so", { timeout: 4 * patience }, async () => {
  const tab = await world.page();
  const problem = await tab.evaluate(async (servers) => {
    const { open } = await import("/balsa/balsa.js");
    return open({ room: "words", secret: "another secret, just as long as that", servers, initial: {}, apply: () => 0 }).then(() => "", (error) => `${error.reason}: ${error.message}`);
  }, [world.doors[0].replace("http", "ws")]);
  assert.match(problem, /^introducer: .*its name or its secret differ/);
});

test("no page complained", () => assert.deepEqual(world.complaints, []));
