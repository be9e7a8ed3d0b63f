// One member's seat in a room: the WebSocket to the introducer, and sealed words to the
// others who are there (docs/introducer.md).
import { BalsaError } from "./errors.js";
import { Counter, fromBase64, nonceSize, toBase64 } from "./keys.js";
import { seek, settling } from "./seek.js";
import { Nonsense, mostFrame, mostPeers, told } from "./told.js";

/**
 * @typedef {import("./told.js").PeerWord} PeerWord
 * @typedef {import("./keys.js").Box} Box
 */

/** Another member, on its present WebSocket. */
export class Peer {
  /** @param {PeerWord} word @param {Box} box */
  constructor(word, box) {
    this.seat = word.seat;
    this.member = word.member;
    this.box = box;
    this.came = performance.now();
    /** Whether it belongs to the room's cluster. @type {import("./seek.js").Standing} */
    this.standing = "";
  }
}

/** Codes after which coming back by oneself would not help. */
const final = new Set(["bad-message", "token-missing", "token-wrong", "token-expired", "token-used", "wrong-room", "displaced"]);

const leastPause = 250;
const mostPause = 2_000;
/** How long one that spoke nonsense is doubted. */
const provingTime = 10_000;
const pingEvery = 15_000;
/** How long an introducer may take to say welcome. */
const welcomeTime = 15_000;
/** What may come in ten seconds, in bytes, by text and in frames that do not open: more than all of a large room have to say. */
const mostIdle = 64 << 20;
const idleIn = 10_000;
/** The part of it that is borne from one that is doubted: windows come back as soon as ever, since who does not belong waits for them no longer than that. */
const doubted = 1 / 4;
/** Each counts for so much at least: what has no length takes time, too. */
const leastIdle = 3 << 10;
/** How much may wait to be worked off, in bytes: more than all streams have credit for. */
const mostWaiting = 64 << 20;
/** Each message that waits counts for so much more. */
const waitingHead = 512;

/** A relayed frame begins with its kind, a seat and the seal's counter. */
const frameHead = 13;
const relayed = 1;

/**
 * Says who is in the room, and carries words. Events, each a function that the owner sets:
 * onjoined(peer), onleft(peer), onsignal(peer, word), onlying(member), onstate().
 */
export class Room {
  /**
   * @param {{ url: string, keys: import("./keys.js").Keys, member: string, token?: string }} options
   */
  constructor({ url, keys, member, token }) {
    this.url = url;
    this.keys = keys;
    this.member = member;
    this.token = token;
    /** @type {Map<number, Peer>} */
    this.peers = new Map();
    /** @type {RTCIceServer[]} */
    this.iceServers = [];
    /** @type {"connecting" | "here" | "away" | "over"} */
    this.state = "connecting";
    /** Why there is no connection, for people. */
    this.problem = "";
    /** Whether the introducer was away: it may have come back before those in the room. */
    this.missed = false;
    /** When those who belong here are back. */
    this.settled = Infinity;
    this.seat = 0;
    /** Whether anybody has answered the last attempt to connect. */
    this.reached = false;
    /** How many words did not open. */
    this.unopened = 0;
    /** @type {(peer: Peer) => void} */ this.onjoined = () => {};
    /** @type {(peer: Peer) => void} */ this.onleft = () => {};
    /** @type {(peer: Peer, word: any) => void} */ this.onsignal = () => {};
    /** @type {(peer: Peer, plain: Uint8Array<ArrayBuffer>) => void} */ this.onframe = () => {};
    /** @type {() => void} */ this.onaway = () => {};
    /** @type {() => void} */ this.onstate = () => {};
    /** Whether the last connection ended in nonsense: then this one has to prove itself. */
    this.doubtful = false;
    this.pause = leastPause;
    /** A connection that was ended because it flooded. @type {WebSocket | undefined} */
    this.flooding = undefined;
    /** What came lately that brings nothing. */
    this.idle = { bytes: 0, since: -Infinity };
    this.connect();
  }

  /** @private */
  connect() {
    // Who does not let go goes on flooding the browser until that gives up: one is enough.
    if (this.flooding && this.flooding.readyState === WebSocket.CLOSING) {
      this.retry = setTimeout(() => this.connect(), this.pause);
      return;
    }
    this.flooding = undefined;
    this.nonce = crypto.getRandomValues(new Uint8Array(nonceSize));
    this.counter = new Counter();
    // What comes in is worked off one after the other, and so is what goes out: a seal
    // takes a moment, and its number must not be overtaken.
    let incoming = Promise.resolve();
    let waiting = 0;
    this.idle = { bytes: 0, since: -Infinity };
    this.outgoing = Promise.resolve();
    const socket = new WebSocket(this.url, "balsa.room.1");
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.reached = false;
    socket.onopen = () => {
      this.reached = true;
      this.say({ type: "hello", protocol: 1, room: this.keys.id, member: this.member, nonce: toBase64(/** @type {Uint8Array} */ (this.nonce)), token: this.token });
      this.pinging = setInterval(() => this.say({ type: "ping" }), pingEvery);
      this.unwelcome = setTimeout(() => this.part(socket, "it does not say welcome"), welcomeTime);
    };
    socket.onmessage = ({ data }) => {
      const size = waitingHead + (typeof data === "string" ? data.length : data.byteLength);
      waiting += size;
      if (waiting > mostWaiting) return this.flooded(socket, "it sends more than any introducer would");
      incoming = incoming.then(async () => {
        waiting -= size;
        if (socket !== this.socket) return;
        const opened = await (typeof data === "string" ? this.hear(data) : this.hearFrame(new Uint8Array(data)));
        if (!opened && this.isFlood(size)) this.flooded(socket, typeof data === "string" ? "it sends more than any introducer would" : "it floods this window with what nobody in the room has sealed");
      }).catch((error) => (error instanceof Nonsense ? this.part(socket, `it sends ${error.message}`) : reportError(error)));
    };
    socket.onclose = () => {
      incoming = incoming.then(() => this.lost(socket));
    };
  }

  /**
   * Whether too much has come lately that nobody of this room has sealed, with what came now.
   * An endless flood of that would take all of the page's time.
   * @private @param {number} size
   */
  isFlood(size) {
    const now = performance.now();
    if (now - this.idle.since > idleIn) this.idle = { bytes: 0, since: now };
    this.idle.bytes += Math.max(size, leastIdle);
    return this.idle.bytes > (this.doubtful ? doubted * mostIdle : mostIdle);
  }

  /** Ends a connection to something that is no introducer, or none to bear. @private @param {WebSocket} socket @param {string} why */
  part(socket, why) {
    if (socket !== this.socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
    this.doubtful = true;
    this.problem = `what answers at ${this.url} is no introducer of this version of balsa, or a broken one: ${why}. Is the address right? Trying again`;
    this.lost(socket);
  }

  /** @private @param {WebSocket} socket @param {string} why */
  flooded(socket, why) {
    if (socket === this.socket) this.flooding = socket;
    this.part(socket, why);
  }

  /** An introducer is believed to be one. @private */
  trust() {
    this.doubtful = false;
    this.pause = leastPause;
    this.problem = "";
    this.onstate();
  }

  /** @private @param {object} word */
  say(word) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(word));
  }

  /** @private @param {string} text @returns {Promise<void>} */
  async hear(text) {
    const word = told(text);
    const awaited = this.unwelcome !== undefined;
    if (word.type !== "error" && awaited !== (word.type === "welcome")) throw new Nonsense(awaited ? `"${word.type}" before its welcome` : "a second welcome");
    switch (word.type) {
      case "welcome":
        clearTimeout(this.unwelcome);
        this.unwelcome = undefined;
        this.iceServers = word.iceServers;
        this.token = word.resume || this.token;
        // Who is there is known before it is said: whoever finds nobody founds a cluster.
        this.seat = word.seat;
        this.settled = performance.now() + (this.missed ? settling : Math.min(word.settling, settling));
        for (const peer of word.peers) await this.joined(peer);
        this.state = "here";
        // One that said welcome before it said nonsense may do so again.
        if (this.doubtful) this.proving = setTimeout(() => this.trust(), provingTime);
        else this.trust();
        break;
      case "joined":
        await this.joined(word.peer);
        break;
      case "left":
        this.left(word.seat);
        break;
      case "signal":
        await this.opened(word);
        break;
      case "error":
        if (word.seat === undefined) {
          this.problem = `${word.message} (${word.code})`;
          if (final.has(word.code)) this.state = "over";
          else this.problem += "; trying again";
        }
        break;
    }
  }

  /** @private @param {PeerWord} word */
  async joined(word) {
    if (this.peers.size >= mostPeers) throw new Nonsense(`more than ${mostPeers} members`);
    const own = { member: this.member, nonce: /** @type {Uint8Array<ArrayBuffer>} */ (this.nonce) };
    try {
      const box = await this.keys.box(own, { member: word.member, nonce: fromBase64(word.nonce) }, /** @type {Counter} */ (this.counter));
      const peer = new Peer(word, box);
      this.peers.set(word.seat, peer);
      this.onjoined(peer);
    } catch {
      this.unopened++;
    }
  }

  /** @private @param {number} seat */
  left(seat) {
    const peer = this.peers.get(seat);
    this.peers.delete(seat);
    if (peer) this.onleft(peer);
  }

  /** @private @param {{ from: number, counter: number, sealed: string }} word */
  async opened(word) {
    const peer = this.peers.get(word.from);
    if (!peer) return;
    try {
      const plain = await peer.box.open("signal", word.counter, fromBase64(word.sealed));
      this.onsignal(peer, JSON.parse(new TextDecoder().decode(plain)));
    } catch {
      // Not from whom it says, not for this WebSocket, or seen before.
      this.unopened++;
      this.onstate();
    }
  }

  /** Says whether it opened. @private @param {Uint8Array<ArrayBuffer>} bytes */
  async hearFrame(bytes) {
    if (bytes.length <= frameHead || bytes.length > mostFrame || bytes[0] !== relayed) throw new Nonsense(`a frame of ${bytes.length} bytes that nobody has relayed`);
    const view = new DataView(bytes.buffer);
    const peer = this.peers.get(view.getUint32(1, true));
    if (!peer) return false;
    try {
      this.onframe(peer, await peer.box.open("relay", Number(view.getBigUint64(5, true)), bytes.slice(frameHead)));
      return true;
    } catch {
      this.unopened++;
      return false;
    }
  }

  /**
   * Seals something, and sends it after all that was sealed before: the other side takes
   * numbers only in their order.
   * @private @param {Peer} peer @param {import("./keys.js").Purpose} purpose @param {Uint8Array<ArrayBuffer>} plain
   * @param {(socket: WebSocket, counter: number, sealed: Uint8Array<ArrayBuffer>) => void} send
   */
  seal(peer, purpose, plain, send) {
    const socket = this.socket;
    const sealing = peer.box.seal(purpose, plain);
    this.outgoing = this.outgoing?.then(async () => {
      const { counter, sealed } = await sealing;
      if (socket && socket === this.socket && socket.readyState === WebSocket.OPEN) send(socket, counter, sealed);
    });
  }

  /** Seals a word for one other member. @param {Peer} peer @param {object} word */
  signal(peer, word) {
    this.seal(peer, "signal", new TextEncoder().encode(JSON.stringify(word)), (_, counter, sealed) => {
      this.say({ type: "signal", to: peer.seat, counter, sealed: toBase64(sealed) });
    });
  }

  /** Seals a frame of a stream for one other member. @param {Peer} peer @param {Uint8Array<ArrayBuffer>} plain */
  relay(peer, plain) {
    this.seal(peer, "relay", plain, (socket, counter, sealed) => {
      const bytes = new Uint8Array(frameHead + sealed.length);
      const view = new DataView(bytes.buffer);
      bytes[0] = relayed;
      view.setUint32(1, peer.seat, true);
      view.setBigUint64(5, BigInt(counter), true);
      bytes.set(sealed, frameHead);
      socket.send(bytes);
    });
  }

  /** @private @param {WebSocket} socket */
  lost(socket) {
    if (socket !== this.socket) return;
    this.still();
    this.socket = undefined;
    this.onaway();
    this.peers.clear(); // their seats are void; connections to them are not
    if (this.state === "over") return this.onstate();
    this.missed = true;
    this.state = "away";
    // What one said before it went is the better reason, as long as one is there.
    if (!this.reached || !this.problem) this.problem = `no introducer answers at ${this.url}; trying again`;
    this.onstate();
    this.retry = setTimeout(() => this.connect(), this.pause * (0.75 + Math.random() / 2));
    this.pause = Math.min(2 * this.pause, mostPause);
  }

  /**
   * Resolves once it is known what a member without a cluster does here: with those whom it
   * joins, or with nobody if it founds a cluster.
   * @param {AbortSignal} signal @returns {Promise<Peer[]>}
   */
  async sought(signal) {
    for (;;) {
      if (this.state === "over") throw new BalsaError("introducer", this.problem);
      signal.throwIfAborted();
      const now = performance.now();
      const others = [...this.peers.values()].map((peer) => ({ seat: peer.seat, standing: peer.standing, late: now - peer.came >= settling, peer }));
      const { joins, founds } = seek({ seat: this.seat, settled: now >= this.settled, others });
      if (this.state === "here" && (founds || joins.length > 0)) return joins.map(({ peer }) => peer);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The members here who belong to the room's cluster. */
  get belonging() {
    return [...this.peers.values()].filter((peer) => peer.standing === "belonging").map((peer) => peer.member);
  }

  /** Nothing is due any more on a WebSocket that has ended. @private */
  still() {
    clearInterval(this.pinging);
    clearTimeout(this.unwelcome);
    clearTimeout(this.proving);
    this.unwelcome = undefined;
  }

  close() {
    this.state = "over";
    clearTimeout(this.retry);
    this.still();
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
  }
}
