// What needs no browser: keys, seals, and who founds a cluster, against what Go's side is
// held to; the packed messages, the reducer's side, and the check of fingerprints.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Calls } from "../lib/calls.js";
import { Channels } from "../lib/channels.js";
import { Inbox, kinds } from "../lib/inbox.js";
import { decodeFailure, outcome } from "../lib/failure.js";
import { Counter, Keys, concat, fromBase64, toBase64 } from "../lib/keys.js";
import { Packer, Unpacker } from "../lib/packed.js";
import { Peers, fingerprintOf } from "../lib/peers.js";
import { Relay } from "../lib/relay.js";
import { Replica } from "../lib/replica.js";
import { seek } from "../lib/seek.js";

const vectors = JSON.parse(await readFile(new URL("../../introducer/testdata/vectors.json", import.meta.url), "utf8"));
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const ends = Object.fromEntries(["a", "b"].map((who) => [who, { member: vectors[who].member, nonce: fromBase64(vectors[who].nonce) }]));
const other = { a: "b", b: "a" };

test("a room's keys are those of the vectors", async () => {
  const keys = await Keys.derive(vectors.room, vectors.secret);
  assert.equal(keys.id, vectors.roomId);
  assert.equal(hex(keys.root), vectors.rootHex);
  assert.equal(hex(await keys.between(ends.a, ends.b)), vectors.keyAtoBHex);
  assert.equal(hex(await keys.between(ends.b, ends.a)), vectors.keyBtoAHex);
});

test("what is sealed is what the vectors say, and opens", async () => {
  const keys = await Keys.derive(vectors.room, vectors.secret);
  for (const v of vectors.sealed) {
    const counter = new Counter();
    counter.last = v.counter - 1;
    const box = await keys.box(ends[v.from], ends[other[v.from]], counter);
    const sealed = await box.seal(v.purpose, fromBase64(v.plain));
    assert.deepEqual([sealed.counter, toBase64(sealed.sealed)], [v.counter, v.sealed]);
    const back = await keys.box(ends[other[v.from]], ends[v.from], new Counter());
    assert.equal(toBase64(await back.open(v.purpose, v.counter, fromBase64(v.sealed))), v.plain);
  }
});

test("what an introducer swaps, gives back or changes does not open", async () => {
  const keys = await Keys.derive(vectors.room, vectors.secret);
  const boxes = { a: await keys.box(ends.b, ends.a, new Counter()), b: await keys.box(ends.a, ends.b, new Counter()) };
  for (const v of vectors.sealed.filter((v) => v.from === "a")) await boxes.a.open(v.purpose, v.counter, fromBase64(v.sealed));
  for (const v of vectors.unopened) {
    await assert.rejects(boxes[v.from].open(v.purpose, v.counter, fromBase64(v.sealed)), undefined, v.why);
  }
  const next = await (await keys.box(ends.a, ends.b, Object.assign(new Counter(), { last: 100 }))).seal("signal", concat("ok"));
  assert.equal(new TextDecoder().decode(await boxes.a.open("signal", next.counter, next.sealed)), "ok", "and what is genuine opens after all that");
});

test("a short secret and a bad name are refused with advice", async () => {
  await assert.rejects(Keys.derive("room", "short"), /at least 16 random bytes.*newSecret/);
  await assert.rejects(Keys.derive("a\nb", vectors.secret), /control characters/);
});

test("a description must have one certificate, of SHA-256", () => {
  const line = "a=fingerprint:sha-256 AB:CD";
  assert.equal(fingerprintOf(`v=0\r\n${line}\r\nm=application\r\na=fingerprint:sha-256 ab:cd\r\n`), "sha-256 AB:CD");
  assert.equal(fingerprintOf(`v=0\r\n${line}\r\na=fingerprint:sha-256 AB:CE\r\n`), "", "two certificates");
  assert.equal(fingerprintOf("v=0\r\na=fingerprint:sha-1 AB:CD\r\n"), "", "a weak digest");
  assert.equal(fingerprintOf("v=0\r\n"), "", "none");
});

test("a description whose certificate is not the one that was sealed with it goes nowhere", async (t) => {
  const { RTCPeerConnection } = globalThis;
  t.after(() => (globalThis.RTCPeerConnection = RTCPeerConnection));
  const described = [];
  globalThis.RTCPeerConnection = class {
    createDataChannel() { return {}; }
    async setLocalDescription() { this.localDescription = { sdp: "v=0\r\na=fingerprint:sha-256 EE:EE\r\n" }; }
    async setRemoteDescription({ type, sdp }) { described.push([type, sdp]); }
    close() {}
  };
  const said = [];
  const meet = async (own, other, ...words) => {
    const room = { member: own, iceServers: [], signal: (_, word) => said.push(word) };
    const peers = new Peers(room);
    const peer = { member: other };
    room.onjoined(peer);
    for (const word of words) {
      room.onsignal(peer, typeof word === "function" ? word() : word);
      await peers.link(other).work;
    }
    peers.close();
    return said.splice(0).filter(({ kind }) => kind !== "hello");
  };
  const sdp = "v=0\r\na=fingerprint:sha-256 AB:CD\r\n";
  const other = "sha-256 AB:CE";
  const swapped = await meet("b", "a", { kind: "offer", attempt: "swapped1", sdp, fingerprint: other });
  assert.deepEqual(swapped.map(({ kind, attempt }) => [kind, attempt]), [["failed", "swapped1"]]);
  const hello = { kind: "hello", direct: true, version: "0.1.0" };
  const attempt = () => said.find(({ kind }) => kind === "offer").attempt;
  const answered = await meet("a", "b", hello, () => ({ kind: "answer", attempt: attempt(), sdp, fingerprint: other }));
  assert.deepEqual(answered.map(({ kind }) => kind), ["offer", "failed"]);
  assert.deepEqual(described, [], "no browser was handed any of it");
  const honest = await meet("b", "a", { kind: "offer", attempt: "honest11", sdp, fingerprint: "sha-256 ab:cd" });
  assert.deepEqual([honest.map(({ kind }) => kind), described], [["answer"], [["offer", sdp]]]);
});

test("what is packed is unpacked", () => {
  const packer = new Packer();
  const texts = ["", "milk", "Käse ☃ 🧀", "x".repeat(10_000)];
  for (const [i, text] of texts.entries()) {
    packer.u32(i * 1e9);
    packer.u8(i);
    packer.string(text);
    packer.count++;
  }
  const unpacker = new Unpacker(packer.done());
  assert.equal(unpacker.count, texts.length);
  for (const [i, text] of texts.entries()) {
    assert.deepEqual([unpacker.u32(), unpacker.u8(), unpacker.string()], [i * 1e9, i, text]);
  }
});

/** What a program is handed, as [kind, id, text]. */
function eventsOf(bytes) {
  const events = new Unpacker(bytes.slice().buffer);
  return Array.from({ length: events.count }, () => [events.u8(), events.u32(), events.string()]);
}

test("all that came while the program was busy is handed over at once, words first", async () => {
  const inbox = new Inbox();
  inbox.event(kinds.read, 7);
  inbox.word({ type: "start" });
  /** What is handed over next. */
  const next = () => new Promise((resolve) => inbox.serve((words, events) => resolve([words, eventsOf(events)])));
  const first = next();
  inbox.event(kinds.data, 3, new TextEncoder().encode("x".repeat(5000)));
  assert.deepEqual(await first, [[{ type: "start" }], [[kinds.read, 7, ""], [kinds.data, 3, "x".repeat(5000)]]]);
  const second = next();
  inbox.event(kinds.closed, 3);
  assert.deepEqual(await second, [null, [[kinds.closed, 3, ""]]], "and nothing twice");
  inbox.bell.close();
});

test("what comes by itself does not wait, and what comes behind it is gathered", async () => {
  const inbox = new Inbox();
  const taken = [];
  inbox.serve((_, events) => taken.push(eventsOf(events).map(([, id]) => id)));
  while (inbox.ringing) await new Promise((resolve) => setTimeout(resolve, 1));
  taken.length = 0;
  inbox.brought(kinds.data, 1, new Uint8Array(1));
  assert.deepEqual(taken, [[1]], "at once");
  inbox.done = performance.now(); // however slow this machine is
  inbox.brought(kinds.data, 2, new Uint8Array(1));
  inbox.brought(kinds.data, 3, new Uint8Array(1));
  assert.deepEqual(taken, [[1]]);
  while (taken.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(taken, [[1], [2, 3]]);
  inbox.bell.close();
});

test("what a program throws at does not come again", async () => {
  const inbox = new Inbox();
  inbox.event(kinds.read, 1);
  const taken = [];
  inbox.take = (_, events) => {
    taken.push(eventsOf(events));
    throw new Error("a program that broke");
  };
  assert.throws(() => inbox.handOver(), /broke/);
  assert.throws(() => inbox.handOver(), /broke/);
  assert.deepEqual(taken, [[[kinds.read, 1, ""]], []]);
  inbox.bell.close();
});

test("a channel speaks by its number until it is closed", () => {
  const inbox = new Inbox();
  const channels = new Channels(inbox);
  const sent = [];
  const channel = { readyState: "open", bufferedAmount: 5, send: (bytes) => sent.push([...bytes]), close: () => sent.push("closed") };
  const id = channels.adopt(channel);
  channel.onmessage({ data: new Uint8Array([1, 2]).buffer });
  channels.scratch.set([7, 8, 9]);
  assert.equal(channels.send(id, 2), 5, "how much is on its way");
  channel.onbufferedamountlow({});
  channel.onmessage({ data: "text" });
  assert.deepEqual(eventsOf(inbox.packer.written()), [
    [kinds.opened, id, ""], [kinds.data, id, "\x01\x02"], [kinds.drained, id, ""], [kinds.closed, id, ""],
  ]);
  channels.close(id);
  channels.close(id);
  assert.equal(channels.send(id, 2), -1);
  assert.deepEqual(sent, [[7, 8], "closed"]);
  assert.equal(channel.onmessage, null);
  inbox.bell.close();
});

/** Commands as the Worker packs them, with how many results have come to it, and whether it wants others now. */
function pack(texts, { come = 0, now = false } = {}) {
  const packer = new Packer();
  packer.u8(now ? 1 : 0);
  packer.view.setFloat64(packer.at, come, true);
  packer.at += 8;
  for (const [i, text] of texts.entries()) {
    packer.room(24);
    for (const value of [i + 1, 1000 * (i + 1), 0.5]) {
      packer.view.setFloat64(packer.at, value, true);
      packer.at += 8;
    }
    packer.string(text);
    packer.count++;
  }
  return packer.done();
}

const commands = (...texts) => pack(texts);

/** Results as the page says them. */
function unpacked(said) {
  const results = new Unpacker(said);
  return Array.from({ length: results.count }, () => results.string());
}

const counter = { apply: (state, command, entry) => (state.sum += command, { sum: state.sum, at: entry.index }), save: JSON.stringify, load: JSON.parse };

test("a batch is applied in order, and subscribers hear of it once", () => {
  const initial = { sum: 0 };
  const replica = new Replica(initial, counter);
  const heard = [];
  const end = replica.subscribe((state) => heard.push(state.sum));
  replica.apply(commands("1", "2", "3"));
  assert.deepEqual(unpacked(replica.results.say()), ['{"sum":1,"at":1}', '{"sum":3,"at":2}', '{"sum":6,"at":3}']);
  end();
  replica.apply(commands("1"));
  assert.deepEqual(heard, [0, 6]);
  assert.equal(initial.sum, 0, "what was given as initial is not touched");
});

test("a member without a cluster joins, founds or waits as the vectors say", async () => {
  const cases = JSON.parse(await readFile(new URL("../../introducer/testdata/seek.json", import.meta.url), "utf8"));
  for (const { why, view, joins, founds } of cases) {
    const found = seek(view);
    assert.deepEqual({ joins: found.joins.map(({ seat }) => seat), founds: found.founds }, { joins, founds }, why);
  }
});

test("a window leaves the door of a server that was removed, and no other", async (t) => {
  /** @type {string[]} */
  const open = [];
  const { WebSocket } = globalThis;
  globalThis.WebSocket = class {
    constructor(url) { open.push((this.url = url)); }
    close() { open.splice(open.indexOf(this.url), 1); }
  };
  t.after(() => (globalThis.WebSocket = WebSocket));
  const { Servers } = await import("../lib/company.js");
  const servers = new Servers(["ws://a"], { keys: undefined, member: "w" });
  t.after(() => servers.close());
  const at = (...hosts) => assert.deepEqual(open, hosts.map((host) => `ws://${host}/room`));
  const members = ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000", "room:w"].map((addr) => ({ name: "", addr }));
  const [a, b, c] = await Promise.all(members.slice(0, 3).map(({ addr }) => servers.name(addr)));
  servers.learn({ [b]: "ws://b", [c]: "ws://c" });
  await servers.know(members.slice(0, 2)); // as before the third has joined
  at("a", "b", "c");
  await servers.know(members);
  await servers.know([]); // nothing is known while it opens anew
  at("a", "b", "c");
  await servers.know([members[0], members[2], members[3]]);
  at("a", "c");
  await servers.know([members[2]]);
  at("a", "c"); // the first was listed by the page
  servers.learn({ [a]: "ws://a", [b]: "ws://b" });
  at("a", "c", "b"); // it came back
});

test("who sends more on a relayed stream than there is credit for is reset", () => {
  const said = [];
  const room = { member: "a", relay: (_, frame) => said.push(frame) };
  const relay = new Relay(room);
  const peer = { member: "b" };
  const frame = (what, number, size) => {
    const bytes = new Uint8Array(9 + size);
    bytes[0] = what;
    new DataView(bytes.buffer).setUint32(1, 2, true);
    new DataView(bytes.buffer).setUint32(5, number, true);
    return bytes;
  };
  room.onframe(peer, frame(1, 0, 0));
  const piece = 16 << 10;
  for (let number = 1; number <= 16; number++) room.onframe(peer, frame(2, number, piece));
  assert.deepEqual([said.length, relay.of(peer).size], [0, 1], "256 KiB may be under way");
  room.onframe(peer, frame(2, 17, 1));
  assert.equal(new TextDecoder().decode(said[0].subarray(9)), "more than there is credit for");
  assert.equal(relay.of(peer).size, 0);
});

test("a result is said once, and kept until the Worker has it", () => {
  const replica = new Replica({ sum: 0 }, counter);
  const { results } = replica;
  assert.equal(replica.apply(commands("1", "1")), false, "nobody waits for them");
  assert.equal(unpacked(results.say()).length, 2);
  assert.equal(results.say(), undefined);
  assert.equal(results.of(1), '{"sum":2,"at":2}', "an outcome that names it may be on its way");
  assert.equal(replica.apply(pack(["5"], { come: 2, now: true })), true);
  assert.deepEqual([results.of(1), results.of(2)], [undefined, '{"sum":7,"at":1}']);
  assert.deepEqual(unpacked(results.say()), ['{"sum":7,"at":1}']);
});

test("much that was not said is said without being asked for", () => {
  const replica = new Replica({}, { ...counter, apply: () => "x".repeat(100_000) });
  assert.deepEqual([replica.apply(commands("1")), replica.apply(commands("1", "1"))], [false, true]);
  replica.results.say();
  assert.equal(replica.apply(commands("1")), false);
});

test("a reducer that throws is reported with its command, and runs no other", () => {
  let ran = 0;
  const replica = new Replica({}, { ...counter, apply: () => { ran++; throw new Error("no such item"); } });
  replica.apply(commands('{"type":"toggle"}', '{"type":"next"}'));
  replica.apply(commands('{"type":"next"}'));
  assert.deepEqual([replica.broken.index, ran], [1, 1]);
  assert.match(replica.broken.error, /no such item at entry 1, the command \{"type":"toggle"\}/);
  assert.match(replica.save().error, /no such item/, "and its state is no snapshot");
});

test("an outcome that came before its result is that of the command it names", async () => {
  const replica = new Replica({ sum: 0 }, counter);
  const sent = [];
  const calls = new Calls((word) => sent.push(word), replica.results);
  const [first, second, lost] = [calls.propose("1"), calls.propose("2"), calls.propose("3")];
  await Promise.resolve();
  replica.apply(commands("1", "2"));
  const packer = new Packer();
  for (const number of [0, 1, 2]) {
    packer.u32(number + 1);
    packer.u8(3);
    packer.u32(8);
    packer.room(8);
    packer.view.setFloat64(packer.at, number, true);
    packer.at += 8;
    packer.count++;
  }
  calls.outcomes(packer.done());
  assert.deepEqual([await first, await second], [{ sum: 1, at: 1 }, { sum: 3, at: 2 }]);
  await assert.rejects(lost, { name: "UnknownError", reason: "reducer" });
  calls.propose("4");
  await Promise.resolve();
  assert.deepEqual([sent[0].results, unpacked(sent[1].results).length], [undefined, 2], "results go with what is proposed next");
});

test("a read that was answered behind a command that threw is refused", async () => {
  const replica = new Replica({}, { ...counter, apply: () => { throw new Error("no such item"); } });
  const calls = new Calls(() => {}, replica.results);
  const read = calls.read();
  replica.apply(commands('{"type":"toggle"}'));
  const packer = new Packer();
  packer.u32(1);
  packer.u8(0);
  packer.string("");
  packer.count++;
  calls.outcomes(packer.done());
  await assert.rejects(read, { name: "NotCommittedError", reason: "reducer", message: /no such item at entry 1/ });
});

test("a snapshot brings the state back", () => {
  const replica = new Replica({ sum: 0 }, counter);
  replica.apply(commands("4"));
  const other = new Replica({ sum: 0 }, counter);
  assert.deepEqual(other.load(replica.save().data), {});
  assert.deepEqual(other.state, { sum: 4 });
  assert.match(other.load(new TextEncoder().encode("{").buffer).error, /JSON/);
});

test("what a member says of a failure is read, and what a later one adds is passed over", () => {
  const said = [8, 1, 18, 2, 2, 1, 24, 200, 1, 42, 4, 18, 2, 97, 98, 50, 3, 1, 2, 3]; // field 6 is of a later version
  assert.deepEqual(decodeFailure(new Uint8Array(said)), { outcome: outcome.notCommitted, reasons: ["overloaded", "no-leader"], leader: "ab" });
  assert.deepEqual(decodeFailure(new Uint8Array([16, 99])), { outcome: 0, reasons: ["other"], leader: "" }, "a reason that is not known");
});
