// An introducer is trusted with nothing: not with keeping to the protocol, either. Whatever
// one says, windows say what is wrong, come back to it ever slower, and go on among themselves.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { WebSocketServer } from "ws";
import { told, Nonsense } from "../lib/told.js";
import { Keys } from "../lib/keys.js";
import { Room } from "../lib/room.js";
import { freePort } from "./ports.mjs";
import { introduce, patience, stage, until } from "./stage.mjs";
import { agree, closeAll, join, propose, voters } from "./words.mjs";

const timeout = { timeout: 2 * patience };
const random = (size) => crypto.getRandomValues(new Uint8Array(size));
const nonce = btoa("a".repeat(16));
const welcome = { type: "welcome", seat: 1, peers: [], iceServers: [], limits: {} };
const peer = { seat: 2, member: "b", nonce };

test("all that an introducer says is read, and what goes beyond is passed over", () => {
  const turn = { urls: ["turn:turn.example.org?transport=udp"], username: "u", credential: "c" };
  assert.deepEqual(told(JSON.stringify({ ...welcome, peers: [peer], iceServers: [turn, { urls: "stun:[::1]:3478" }, { urls: "http://no" }, 7], resume: "r", later: 1 })), {
    type: "welcome", seat: 1, settling: 0, peers: [peer], iceServers: [turn, { urls: ["stun:[::1]:3478"], username: undefined, credential: undefined }], resume: "r",
  });
  assert.deepEqual(told(JSON.stringify({ type: "joined", peer })), { type: "joined", peer });
  assert.deepEqual(told('{"type":"error","code":"no-such-seat","message":"gone","seat":3}'), { type: "error", code: "no-such-seat", message: "gone", seat: 3 });
});

const wrong = [
  "", "hello", "7", "null", "[]", '"welcome"', "{}", '{"type":"welcome","peers":5}', '{"type":"welcome","peers":[null]}', '{"type":"welcome","resume":{}}',
  '{"type":"welcome"}', JSON.stringify({ ...welcome, settling: -1 }), JSON.stringify({ ...welcome, settling: "soon" }),
  '{"type":"joined"}', JSON.stringify({ type: "joined", peer: { ...peer, seat: -1 } }), JSON.stringify({ type: "joined", peer: { ...peer, member: "<b>" } }),
  JSON.stringify({ type: "joined", peer: { ...peer, nonce: "AAAA" } }), '{"type":"left","seat":"2"}', '{"type":"signal","from":2,"counter":1.5,"sealed":""}',
  '{"type":"signal","from":2,"counter":1,"sealed":"?"}', '{"type":"error"}', '{"type":"later"}', JSON.stringify({ type: "pong", more: "x".repeat(2 << 20) }),
];

test("what no introducer says is nonsense, and nothing else happens", () => {
  for (const text of wrong) assert.throws(() => told(text), Nonsense, text.slice(0, 100));
  const texts = [...wrong, JSON.stringify({ ...welcome, peers: [peer] }), JSON.stringify({ type: "joined", peer })];
  for (let i = 0; i < 4_000; i++) {
    const bytes = new TextEncoder().encode(texts[i % texts.length].slice(0, 300));
    for (const at of random(1 + (i % 4))) if (bytes.length > 0) bytes[at % bytes.length] = random(1)[0];
    try {
      assert.ok(typeof told(new TextDecoder().decode(bytes)).type === "string");
    } catch (error) {
      assert.ok(error instanceof Nonsense, String(error.stack));
    }
  }
});

/** Says something over and over, as fast as it is taken: what waits here would use up memory, and the time of the test. */
const flood = (socket, word, times = Infinity) => {
  const pump = () => {
    for (let i = 0; i < 200 && times > 0 && socket.bufferedAmount < 4 << 20; i++, times--) socket.send(typeof word === "function" ? word() : word);
    if (socket.readyState === 1 && times > 0) setTimeout(pump, 1);
  };
  pump();
};
const say = (...words) => (socket) => words.forEach((word) => socket.send(typeof word === "string" || ArrayBuffer.isView(word) ? word : JSON.stringify(word)));
const after1 = (then) => (socket) => (say(welcome)(socket), then(socket));
const somebody = () => JSON.stringify({ type: "joined", peer: { seat: 1 + (random(4).reduce((n, b) => 256 * n + b, 0) % 1e9), member: "m" + random(1)[0], nonce } });

/** What introducers say, and what windows say of it. */
const speakers = {
  "text at random": [say(String.fromCharCode(...random(100))), /no introducer .*it sends no JSON/],
  "bytes at random": [say(random(1000)), /it sends a frame of 1000 bytes that nobody has relayed/],
  "a web page": [say("<!doctype html><title>404</title>"), /it sends no JSON: "<!doctype html>/],
  "JSON of somebody else": [say({ event: "hello", data: [1, 2, 3] }), /it sends a word of the type ""/],
  "members before its welcome": [say({ type: "joined", peer }), /it sends "joined" before its welcome/],
  "two welcomes": [say(welcome, welcome), /it sends a second welcome/],
  "a huge text": [after1(say(" ".repeat(8 << 20))), /it sends a message of 8388608 characters/],
  "a huge frame": [after1(say(new Uint8Array(8 << 20).fill(1))), /it sends a frame of 8388608 bytes/],
  "a flood of words": [after1((socket) => flood(socket, '{"type":"pong"}')), /it sends more than any introducer would/],
  "a flood of members": [after1((socket) => flood(socket, somebody)), /it sends more than any introducer would|more than 4096 members/],
};

/** So many that the page has to go on among them; an end lets a slow machine look at it. */
const manyFrames = 3000;

/** What no word can be said about: a stranger's frame, of which an honest introducer has no idea. */
const strangers = new Uint8Array(16_448).fill(1, 0, 1).fill(2, 1, 2).fill(9, 5);
const others = {
  somebody: say({ ...welcome, peers: [peer] }),
  "frames that do not open": after1((socket) => (say({ type: "joined", peer })(socket), flood(socket, strangers, manyFrames))),
};

others["a flood of frames that do not open"] = after1((socket) => (say({ type: "joined", peer })(socket), flood(socket, strangers)));

/** Who speaks at which path, and how often windows came. */
async function speaker(port = 0) {
  const came = {};
  const server = new WebSocketServer({ host: "127.0.0.1", port, handleProtocols: () => "balsa.room.1" });
  await new Promise((resolve) => server.once("listening", resolve));
  server.on("connection", (socket, request) => {
    const what = decodeURIComponent(request.url.slice(1));
    came[what] = (came[what] ?? 0) + 1;
    socket.on("error", () => {});
    (speakers[what]?.[0] ?? others[what] ?? speakers["text at random"][0])(socket);
  });
  return {
    came,
    port: /** @type {import("node:net").AddressInfo} */ (server.address()).port,
    close: () => new Promise((resolve) => {
      for (const socket of server.clients) socket.terminate();
      server.close(resolve);
    }),
  };
}

/** @type {Awaited<ReturnType<typeof stage>>} */
let world;
before(async () => void (world = await stage()), { timeout: 4 * patience });
after(() => world?.close());

test("what answers is told from an introducer, and not stormed; floods are ended", timeout, async (t) => {
  const nonsense = await speaker();
  t.after(nonsense.close);
  const tab = await world.page(0, "/blank.html");
  const hear = async ([what, [, expected]]) => {
    const problem = await tab.evaluate(async (url, patience) => {
      const [{ Room }, { Keys }] = await Promise.all([import("/balsa/lib/room.js"), import("/balsa/lib/keys.js")]);
      const room = new Room({ url, keys: await Keys.derive("r", "a secret of these tests, and long enough"), member: "a" });
      const began = performance.now();
      while (!room.problem && performance.now() - began < patience) await new Promise((resolve) => setTimeout(resolve, 20));
      const { problem } = room;
      await new Promise((resolve) => setTimeout(resolve, 500)); // it comes back
      room.close();
      return problem;
    }, `ws://127.0.0.1:${nonsense.port}/${encodeURIComponent(what)}`, patience);
    assert.match(problem, expected, what);
    assert.match(problem, /^what answers at ws:.* Is the address right\? Trying again$/);
    assert.ok(nonsense.came[what] <= 3, `${what}: it came ${nonsense.came[what]} times`);
  };
  const isFlood = ([what]) => what.includes("flood");
  await Promise.all(Object.entries(speakers).filter((speaker) => !isFlood(speaker)).map(hear));
  for (const speaker of Object.entries(speakers).filter(isFlood)) await hear(speaker);
  await tab.close();
});

test("frames that do not open are dropped, however many they are, and the page goes on", timeout, async (t) => {
  const nonsense = await speaker();
  t.after(nonsense.close);
  const tab = await world.page(0, "/blank.html");
  await tab.evaluate(async (url) => {
    const [{ Room }, { Keys }] = await Promise.all([import("/balsa/lib/room.js"), import("/balsa/lib/keys.js")]);
    window.room = new Room({ url, keys: await Keys.derive("r", "a secret of these tests, and long enough"), member: "a" });
    window.opened = 0;
    window.room.onframe = () => window.opened++;
  }, `ws://127.0.0.1:${nonsense.port}/frames that do not open`);
  await until(tab, "all frames to be dropped", (many) => window.room.unopened === many, manyFrames);
  assert.deepEqual(await tab.evaluate(() => [window.opened, window.room.state, window.room.problem]), [0, "here", ""]);
  await tab.close();
});

test("an endless flood of them is left, the page goes on, and comes back when it is over", timeout, async (t) => {
  const port = await freePort();
  const nonsense = await speaker(port);
  t.after(nonsense.close);
  const what = "a flood of frames that do not open";
  const tab = await join(await world.page(0, "/blank.html"), "flooded elsewhere");
  await tab.evaluate(async (url) => {
    const [{ Room }, { Keys }] = await Promise.all([import("/balsa/lib/room.js"), import("/balsa/lib/keys.js")]);
    window.room = new Room({ url, keys: await Keys.derive("r", "a secret of these tests, and long enough"), member: "a" });
  }, `ws://127.0.0.1:${port}/${what}`);
  await until(tab, "the flood to be told", () => /it floods this window with what nobody in the room has sealed/.test(window.room.problem));
  for (const word of ["one", "two", "three"]) await propose(tab, word);
  await until(tab, "the next visits", (before) => window.room.unopened > before + 2_500, await tab.evaluate(() => window.room.unopened));
  const unopened = await tab.evaluate(() => window.room.unopened);
  const most = 4_100 + 1_100 * (nonsense.came[what] - 1);
  assert.ok(unopened <= most, `${unopened} frames were tried, and it came ${nonsense.came[what]} times`);
  await nonsense.close();
  const sane = await speaker(port);
  t.after(sane.close);
  others[what] = say(welcome);
  await until(tab, "it to be believed again", () => window.room.state === "here" && window.room.problem === "");
  await agree([tab], ["one", "two", "three"]);
  await tab.close();
});

test("one that floods and does not let go has one connection, until the browser gives up", async (t) => {
  const { WebSocket } = globalThis;
  t.after(() => (globalThis.WebSocket = WebSocket));
  const sockets = [];
  globalThis.WebSocket = class {
    static OPEN = 1;
    static CLOSING = 2;
    readyState = 1;
    constructor() { sockets.push(this); }
    send() {}
    close() { this.readyState = 2; }
  };
  const room = new Room({ url: "ws://nobody", keys: await Keys.derive("r", "a secret of these tests, and long enough"), member: "a" });
  t.after(() => room.close());
  const [first] = sockets;
  first.onopen();
  first.onmessage({ data: JSON.stringify(welcome) });
  const soon = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  for (let i = 0; first.onmessage && i < 4200; i++) {
    first.onmessage({ data: strangers.buffer.slice(0) });
    if (i % 100 === 0) await soon(1); // what comes too far ahead is ended for that
  }
  assert.match(room.problem, /it floods this window/);
  await soon(1_000); // several times as long as it pauses
  assert.equal(sockets.length, 1);
  first.readyState = 3;
  while (sockets.length === 1) await soon(10);
});

test("a room is entered once it is known who is there, however long that takes to work out", timeout, async (t) => {
  const company = await speaker();
  t.after(company.close);
  const tab = await world.page(0, "/blank.html");
  const there = await tab.evaluate(async (url) => {
    const [{ Room }, { Keys }] = await Promise.all([import("/balsa/lib/room.js"), import("/balsa/lib/keys.js")]);
    const keys = await Keys.derive("r", "a secret of these tests, and long enough");
    const box = keys.box.bind(keys);
    keys.box = async (...ends) => (await new Promise((resolve) => setTimeout(resolve, 200)), box(...ends));
    const room = new Room({ url, keys, member: "a" });
    await new Promise((resolve) => (room.onstate = () => room.state === "here" && resolve()));
    const members = [...room.peers.values()].map((peer) => peer.member);
    room.close();
    return members;
  }, `ws://127.0.0.1:${company.port}/somebody`);
  assert.deepEqual(there, ["b"]);
  await tab.close();
});

test("who opens a member at something else's address hears so", timeout, async (t) => {
  const nonsense = await speaker();
  t.after(nonsense.close);
  const tab = await world.page(0, "/blank.html");
  const why = await tab.evaluate(async (introducer) => {
    const { open } = await import("/balsa/balsa.js");
    const signal = new AbortController();
    const options = { room: "r", secret: "a secret of these tests, and long enough", introducer, initial: {}, apply: () => 0, signal: signal.signal };
    return open({ ...options, log: (line) => /introducer/.test(line) && signal.abort() }).catch((error) => `${error.reason}: ${error.message}`);
  }, `ws://127.0.0.1:${nonsense.port}/a web page`);
  assert.match(why, /^introducer: what answers at .* is no introducer .*<!doctype html>/);
  await tab.close();
});

test("windows whose introducer turns mad go on among themselves, say so, and find the sane one again", timeout, async (t) => {
  const port = await freePort();
  const sane = await introduce(`127.0.0.1:${port}`, "--origin", "*");
  t.after(sane.stop);
  const more = { introducer: `ws://127.0.0.1:${port}` };
  const tabs = [await join(await world.page(0, "/blank.html"), "mad", more), await join(await world.page(1, "/blank.html"), "mad", more)];
  for (const tab of tabs) await voters(tab, 2);
  await until(tabs[0], "a direct connection", () => window.member.status.members.some((m) => m.connection === "direct"));
  await sane.stop();
  const mad = await speaker(port);
  t.after(mad.close);
  for (const tab of tabs) await until(tab, "the nonsense to be told", () => /is no introducer/.test(window.member.status.problem));
  await propose(tabs[0], "all the same");
  await agree(tabs, ["all the same"]);
  await mad.close();
  const again = await introduce(`127.0.0.1:${port}`, "--origin", "*");
  t.after(again.stop);
  for (const tab of tabs) await until(tab, "the introducer", () => window.member.status.introducer === "here");
  await closeAll(tabs);
});
