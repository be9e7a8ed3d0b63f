// The connections to the other members: by WebRTC, who offers, what is checked, and what is
// tried again; until there is one, over the introducer (docs/introducer.md).
import { Relay } from "./relay.js";

/** The package's version, which windows tell each other. */
export const version = "0.1.0";

const label = "balsa 1";
/** How long a member that the introducer lost has to show that it is still there. */
const proofTime = 700;
/** How long a direct connection is waited for before the introducer relays. */
const relayAfter = 3_000;
const offerTime = 15_000;
const leastRetry = 1_000;
const mostRetry = 30_000;

/**
 * @typedef {import("./room.js").Room} Room
 * @typedef {import("./room.js").Peer} Peer
 */

/** The fingerprint of all of an SDP's certificates, "" if they are not all one of SHA-256. */
export function fingerprintOf(/** @type {string} */ sdp) {
  const lines = sdp.split(/\r?\n/).filter((line) => line.startsWith("a=fingerprint:")).map((line) => line.slice(14).trim());
  const [first] = lines;
  return first && /^sha-256 [0-9A-Fa-f:]+$/.test(first) && lines.every((line) => line.toLowerCase() === first.toLowerCase()) ? first : "";
}

/** What is known of one other member, whatever WebSocket it is on. */
class Link {
  /** @param {Peers} peers @param {string} member */
  constructor(peers, member) {
    this.peers = peers;
    this.member = member;
    /** @type {Peer | undefined} */
    this.peer = undefined;
    this.greeted = false;
    /** The version of the package that it runs. @type {unknown} */
    this.version = version;
    /** Whether frames may go over the introducer. */
    this.mayRelay = false;
    this.attempt = "";
    this.pause = leastRetry;
    /** @type {RTCPeerConnection | undefined} */
    this.connection = undefined;
    /** @type {RTCDataChannel | undefined} */
    this.line = undefined;
    /** @type {RTCIceCandidateInit[]} candidates that came before the description */
    this.early = [];
    this.described = false;
    /** What came in is worked off one after the other. @type {Promise<void>} */
    this.work = Promise.resolve();
    /** @type {"none" | "connecting" | "direct"} */
    this.kind = "none";
  }

  /** @param {object} word */
  say(word) {
    if (this.peer) this.peers.room.signal(this.peer, word);
  }

  /** Whether this side makes the offer: the one whose name is the smaller. */
  get offers() {
    return this.peers.room.member < this.member;
  }

  /** A connection for an attempt, in place of the one before. @param {string} attempt */
  begin(attempt) {
    this.drop();
    this.attempt = attempt;
    this.described = false;
    this.early = [];
    this.kind = "connecting";
    const connection = new RTCPeerConnection({ iceServers: this.peers.room.iceServers });
    this.connection = connection;
    connection.onicecandidate = ({ candidate }) => {
      this.say({ kind: "candidate", attempt, candidate: candidate?.candidate ?? "", mid: candidate?.sdpMid ?? "0", line: candidate?.sdpMLineIndex ?? 0 });
    };
    connection.ondatachannel = ({ channel }) => {
      if (channel.label === label) this.peers.onchannel(this.member, channel);
      else channel.close();
    };
    connection.onconnectionstatechange = () => {
      if (connection !== this.connection) return;
      if (connection.connectionState === "failed" || connection.connectionState === "closed") this.broken();
    };
    // A line that both ends have from the start: it tells of the other page's end, and
    // proves that it still lives.
    const line = connection.createDataChannel("line", { negotiated: true, id: 1000 });
    this.line = line;
    line.onopen = () => {
      this.kind = "direct";
      this.pause = leastRetry;
      clearTimeout(this.relaying);
      if (this.peer) this.peers.relay.retire(this.peer);
      this.peers.onhere(this.member);
      this.peers.onstate();
    };
    line.onmessage = ({ data }) => {
      if (data === "still there?") line.send("yes");
      if (data === "yes") clearTimeout(this.doubt);
      if (data === "bye" && connection === this.connection) this.gone();
    };
    line.onclose = () => {
      if (connection === this.connection) this.broken();
    };
    this.late = setTimeout(() => {
      if (connection === this.connection && this.kind !== "direct") this.broken();
    }, offerTime);
    return connection;
  }

  async offer() {
    if (!this.peer || !this.offers || this.kind !== "none") return;
    const attempt = crypto.randomUUID();
    const connection = this.begin(attempt);
    await connection.setLocalDescription();
    const sdp = connection.localDescription?.sdp ?? "";
    if (attempt === this.attempt) this.say({ kind: "offer", attempt, sdp, fingerprint: fingerprintOf(sdp) });
  }

  /** @param {any} word */
  async hear(word) {
    switch (word.kind) {
      case "hello":
        // A hello on a new WebSocket is also that of a window that was reloaded: its end
        // of a former connection is gone then, and the line says so.
        this.greeted = true;
        this.stands(word);
        if (word.version !== this.version) {
          this.version = word.version;
          this.peers.onstate();
        }
        clearTimeout(this.relaying);
        this.relaying = setTimeout(() => this.relay(), word.direct && this.peers.direct ? relayAfter : 0);
        if (word.direct && this.peers.direct && this.offers) await this.offer();
        break;
      case "standing":
        this.stands(word);
        break;
      case "offer": {
        if (this.offers || typeof word.attempt !== "string") return;
        if (!agrees(word)) return this.refuse(word.attempt);
        const connection = this.begin(word.attempt);
        await connection.setRemoteDescription({ type: "offer", sdp: word.sdp });
        await this.describe();
        await connection.setLocalDescription();
        const sdp = connection.localDescription?.sdp ?? "";
        if (word.attempt === this.attempt) this.say({ kind: "answer", attempt: word.attempt, sdp, fingerprint: fingerprintOf(sdp) });
        break;
      }
      case "answer":
        if (word.attempt !== this.attempt || !this.connection || this.described) return;
        if (!agrees(word)) return this.refuse(word.attempt);
        await this.connection.setRemoteDescription({ type: "answer", sdp: word.sdp });
        await this.describe();
        break;
      case "candidate": {
        if (word.attempt !== this.attempt || !this.connection) return;
        const candidate = { candidate: word.candidate, sdpMid: word.mid, sdpMLineIndex: word.line };
        if (this.described) await this.connection.addIceCandidate(candidate).catch(() => {});
        else if (this.early.length < 100) this.early.push(candidate);
        break;
      }
      case "failed":
        if (word.attempt === this.attempt) this.broken();
        break;
      case "doors":
        this.peers.ondoors(this.member, word.doors);
        break;
    }
  }

  /** @private @param {{ seeking?: unknown }} word */
  stands({ seeking }) {
    if (this.peer) this.peer.standing = seeking ? "seeking" : "belonging";
  }

  /** @private */
  async describe() {
    this.described = true;
    for (const candidate of this.early) await this.connection?.addIceCandidate(candidate).catch(() => {});
    this.early = [];
  }

  /** There is no direct connection: the introducer relays. */
  relay() {
    if (!this.peer || this.kind === "direct") return;
    this.mayRelay = true;
    this.peers.onhere(this.member);
    this.peers.onstate();
  }

  /** @private @param {string} attempt */
  refuse(attempt) {
    this.say({ kind: "failed", attempt, reason: "the certificate in the description is not the one that was sealed with it" });
    this.broken();
  }

  /** The connection broke: whoever offers tries again after a while. */
  broken() {
    this.drop();
    this.peers.onstate();
    if (!this.peer) return;
    clearTimeout(this.relaying);
    this.relaying = setTimeout(() => this.relay(), this.mayRelay ? 0 : relayAfter);
    if (!this.offers || !this.peers.direct) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.offer(), this.pause);
    this.pause = Math.min(2 * this.pause, mostRetry);
  }

  /** The member has ended: there is nobody to try again with. */
  gone() {
    this.drop();
    if (!this.peer) this.peers.links.delete(this.member); // there may come any number of others
    this.peers.onstate();
  }

  /** The introducer does not see the member any more: is it still there? */
  prove() {
    clearTimeout(this.doubt);
    clearTimeout(this.relaying);
    this.mayRelay = false;
    if (this.kind !== "direct") return this.gone();
    try {
      this.line?.send("still there?");
    } catch {
      return this.gone();
    }
    // It may be back by then, as another process with nothing of the connection.
    this.doubt = setTimeout(() => this.broken(), proofTime);
  }

  drop() {
    clearTimeout(this.late);
    clearTimeout(this.doubt);
    clearTimeout(this.retry);
    const connection = this.connection;
    this.connection = undefined;
    this.line = undefined;
    this.kind = "none";
    this.attempt = "";
    connection?.close();
  }
}

/** @param {{ sdp: unknown, fingerprint: unknown }} word */
function agrees(word) {
  return typeof word.sdp === "string" && typeof word.fingerprint === "string" && word.fingerprint !== "" &&
    fingerprintOf(word.sdp).toLowerCase() === word.fingerprint.toLowerCase();
}

/**
 * All connections of this window. Events, each a function that the owner sets:
 * onchannel(member, channel), onhere(member), ondoors(member, doors), onstate().
 */
export class Peers {
  /**
   * @param {Room} room @param {{ direct?: boolean, belongs?: boolean }} [options] direct: whether others are to be
   *   connected to directly; belongs: whether this member is one of the room's cluster
   */
  constructor(room, { direct = true, belongs = true } = {}) {
    this.room = room;
    this.belongs = belongs;
    /** Whether this window connects to others directly, if the browser can at all. */
    this.direct = direct && typeof RTCPeerConnection === "function";
    /** @type {Map<string, Link>} */
    this.links = new Map();
    this.relay = new Relay(room);
    this.relay.onstream = (member, port) => this.onchannel(member, port);
    room.onaway = () => this.relay.lost();
    /** @type {(member: string, channel: RTCDataChannel | MessagePort) => void} */ this.onchannel = () => {};
    /** @type {(member: string) => void} */ this.onhere = () => {};
    /** @type {(member: string, doors: unknown) => void} */ this.ondoors = () => {};
    /** @type {() => void} */ this.onstate = () => {};
    room.onjoined = (peer) => {
      const link = this.link(peer.member);
      link.peer = peer; // whose end of a direct connection may be that of a former life: a doubt stays
      link.greeted = false;
      if (link.kind === "connecting") link.drop();
      link.say({ kind: "hello", direct: this.direct, version, seeking: !this.belongs });
      this.onstate();
    };
    room.onleft = (peer) => {
      const link = this.link(peer.member);
      if (link.peer !== peer) return;
      link.peer = undefined;
      this.relay.lost(peer);
      link.prove();
      this.onstate();
    };
    room.onsignal = (peer, word) => {
      const link = this.link(peer.member);
      if (link.peer !== peer) return;
      link.work = link.work.then(() => link.hear(word)).catch(() => link.broken());
    };
  }

  /** Says whether this member is one of the room's cluster. @param {boolean} belongs */
  belong(belongs) {
    if (this.belongs === belongs) return;
    this.belongs = belongs;
    for (const link of this.links.values()) link.say({ kind: "standing", seeking: !belongs });
  }

  /** @param {string} member */
  link(member) {
    let link = this.links.get(member);
    if (!link) this.links.set(member, (link = new Link(this, member)));
    return link;
  }

  /**
   * A new channel to a member, or a port for a relayed stream. It may still be connecting; undefined says that nobody of
   * that name is here, null that there is no connection yet.
   * @param {string | undefined} member
   */
  dial(member) {
    const link = member === undefined ? undefined : this.links.get(member);
    if (!link || (!link.peer && link.kind !== "direct")) return undefined;
    if (link.kind !== "direct") return link.peer && link.mayRelay ? this.relay.open(link.peer) : null;
    if (!link.connection) return null;
    try {
      return link.connection.createDataChannel(label);
    } catch {
      return null;
    }
  }

  /** Members that have shown that they know the secret. */
  get greeted() {
    return [...this.links.values()].filter((link) => link.peer && link.greeted).map((link) => link.member);
  }

  /** What is wrong with those who are here, for people. */
  get problem() {
    const [other] = [...this.links.values()].filter((link) => link.peer && link.version !== version);
    return other ? `window ${other.member} runs version ${other.version} of this package, and this one ${version}: reload the one that is older` : "";
  }

  /** How this window is connected to a member. @param {string} member @returns {"direct" | "relay" | "connecting" | "none"} */
  kind(member) {
    const link = this.links.get(member);
    return link && link.kind !== "direct" && link.peer && link.mayRelay ? "relay" : (link?.kind ?? "none");
  }

  /** Tells the others that this window ends, as well as a page that ends can. */
  bye() {
    for (const link of this.links.values()) {
      try {
        link.line?.send("bye");
      } catch {
        // It is closed already.
      }
    }
  }

  close() {
    this.bye();
    for (const link of this.links.values()) link.drop();
  }
}
