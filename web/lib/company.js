// Whom a window is in touch with, and how: other windows that it meets through an
// introducer, or the servers of a cluster.
import { BalsaError } from "./errors.js";
import { Peers } from "./peers.js";
import { Room } from "./room.js";

/**
 * @typedef {import("./room.js").Room["state"]} RoomState
 * @typedef {RTCDataChannel | MessagePort} Channel
 * @typedef {{ name: string, addr: string }} Address of a member: its name, and where a membership says that it lives
 * @typedef {{ keys: import("./keys.js").Keys, member: string, token?: string }} Way what gets this window in
 */

const scheme = "room:";

/**
 * Where a member that is new here finds somebody who belongs, each time that it dials: those
 * of whom it was told may leave before they have answered.
 */
const anyone = scheme;

/** One of some members, not always the same, that was not asked anyhow. @param {string[]} members @param {Set<string>} [asked] */
function oneOf(members, asked) {
  const others = members.filter((member) => !asked?.has(member));
  return others[Math.floor(Math.random() * others.length)];
}

/** Where a door is. @param {string} address */
function doorAt(address) {
  const url = new URL(address);
  if (url.pathname === "/" || url.pathname === "") url.pathname = "/room";
  return url.href;
}

/** Windows that meet through an introducer. */
export class Windows {
  /** @param {string} introducer @param {Way} way @param {boolean} belongs whether this member is one of the room's cluster */
  constructor(introducer, way, belongs) {
    /** What is to be told. @type {() => void} */ this.onstate = () => {};
    /** @type {(addr: string) => void} */ this.onhere = () => {};
    /** @type {(channel: Channel) => void} */ this.onchannel = () => {};
    this.room = new Room({ url: doorAt(introducer), ...way });
    this.peers = new Peers(this.room, { belongs });
    this.room.onstate = this.peers.onstate = () => this.onstate();
    this.peers.onhere = (member) => this.onhere(scheme + member);
    this.peers.onchannel = (_, channel) => this.onchannel(channel);
  }

  /** How this window stands with the introducer. @returns {RoomState} */
  get state() {
    return this.room.state;
  }

  /** What is wrong, for people. */
  get problem() {
    return this.room.problem || this.peers.problem;
  }

  /**
   * Waits until it is known whom a new member joins, and says where they are. If it is
   * nobody, this window founds a cluster.
   * @param {AbortSignal} signal @returns {Promise<string[]>}
   */
  async sought(signal) {
    this.asked = new Set((await this.room.sought(signal)).map((peer) => peer.member));
    return this.asked.size > 0 ? [...[...this.asked].map((member) => scheme + member), anyone] : [];
  }

  /** Says whether this member is one of the room's cluster. @param {boolean} belongs */
  belong(belongs) {
    this.peers.belong(belongs);
  }

  /** @param {string} addr @returns {Promise<{ channel?: Channel, gone: boolean }>} gone says that nobody is there */
  async dial(addr) {
    const channel = this.peers.dial(addr === anyone ? oneOf(this.room.belonging, this.asked) : addr.slice(scheme.length));
    return { channel: channel ?? undefined, gone: channel === undefined && this.room.state === "here" };
  }

  /** How this window is connected to a member. @param {Address} member */
  kind({ name }) {
    return this.peers.kind(name);
  }

  /** Windows meet through one introducer, whoever they are. @param {Address[]} members */
  know(members) {}

  /** Tells the others that this window ends, as well as a page that ends can. */
  bye() {
    this.peers.bye();
  }

  close() {
    this.peers.close();
    this.room.close();
  }
}

const serverPrefix = "server-";

/** The name in a room of the server that other servers reach at an address. @param {string} addr */
async function serverName(addr) {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(addr)));
  return serverPrefix + [...sum.subarray(0, 16)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

/** How many servers a window holds a WebSocket to at most. */
const mostServers = 16;

/**
 * The servers of a cluster, each with a WebSocket of its own: those that the window was
 * told of, and those that these tell of.
 */
export class Servers {
  /** @param {string[]} servers @param {Way} way */
  constructor(servers, way) {
    this.way = way;
    /** @type {() => void} */ this.onstate = () => {};
    /** @type {(addr: string) => void} */ this.onhere = () => {};
    /** @type {(channel: Channel) => void} */ this.onchannel = () => {};
    /** Names in the rooms of the servers, by address. @type {Map<string, string>} */
    this.names = new Map();
    /**
     * Seats. One that was learned is at the server of that name, which is a member once the cluster has said so.
     * @type {{ room: Room, peers: Peers, learned: string, member: boolean }[]}
     */
    this.each = [];
    for (const server of servers) this.enter(doorAt(server));
  }

  /** @private @param {string} url @param {string} learned the server that is there, if others told of it */
  enter(url, learned = "") {
    const room = new Room({ url, ...this.way });
    const peers = new Peers(room, { direct: false });
    room.onstate = peers.onstate = () => this.onstate();
    peers.onhere = (member) => {
      this.onhere(scheme + member);
      for (const [addr, name] of this.names) if (name === member) this.onhere(addr);
    };
    peers.onchannel = (_, channel) => this.onchannel(channel);
    peers.ondoors = (member, doors) => {
      if (member.startsWith(serverPrefix)) this.learn(doors);
    };
    this.each.push({ room, peers, learned, member: false });
  }

  /**
   * Takes a seat at each server that this window is not at yet. A server is known by its
   * name: its door may have other addresses, too.
   * @private @param {unknown} doors addresses by the servers' names, as another member says
   */
  learn(doors) {
    if (typeof doors !== "object" || doors === null) return;
    for (const [name, door] of Object.entries(doors)) {
      if (this.each.length >= mostServers || typeof door !== "string" || !/^wss?:\/\//.test(door)) continue;
      if (this.each.some(({ room }) => [...room.peers.values()].some((peer) => peer.member === name))) continue;
      try {
        const url = doorAt(door);
        if (!this.each.some(({ room }) => room.url === url)) this.enter(url, name);
      } catch {
        // No address, or one that a page over HTTPS may not ask.
      }
    }
  }

  /**
   * Leaves the doors that were learned of servers which have been members, and are no more.
   * Those that the page listed stay.
   * @param {Address[]} members
   */
  async know(members) {
    const names = new Set(await Promise.all(members.filter(({ addr }) => !addr.startsWith(scheme)).map(({ addr }) => this.name(addr))));
    if (names.size === 0) return; // nothing is known of the cluster yet
    for (const seat of [...this.each]) {
      if (names.has(seat.learned)) seat.member = true;
      else if (seat.learned && seat.member) this.leave(seat);
    }
  }

  /** @private @param {Servers["each"][number]} seat */
  leave(seat) {
    this.each.splice(this.each.indexOf(seat), 1);
    seat.peers.close();
    seat.room.close();
    this.onstate();
  }

  /** How this window stands with the servers, at best. @returns {RoomState} */
  get state() {
    for (const state of /** @type {RoomState[]} */ (["here", "connecting", "away"])) {
      if (this.each.some(({ room }) => room.state === state)) return state;
    }
    return "over";
  }

  /** What is wrong, if no server can be reached. */
  get problem() {
    return this.state === "here" ? "" : this.each.map(({ room }) => room.problem).find((problem) => problem) ?? "";
  }

  /** @param {AbortSignal} signal @returns {Promise<string[]>} */
  async sought(signal) {
    for (;;) {
      const there = this.there;
      if (there.length > 0) {
        this.asked = new Set(there);
        return [...there.map((member) => scheme + member), anyone];
      }
      if (this.state === "over") throw new BalsaError("introducer", this.problem);
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The servers that can be reached. @private */
  get there() {
    return this.each.flatMap(({ room }) => [...room.peers.values()]).map((peer) => peer.member).filter((member) => member.startsWith(serverPrefix));
  }

  /** @param {string} addr @returns {Promise<{ channel?: Channel, gone: boolean }>} */
  async dial(addr) {
    const member = addr === anyone ? oneOf(this.there, this.asked) : addr.startsWith(scheme) ? addr.slice(scheme.length) : await this.name(addr);
    for (const { peers } of this.each) {
      const channel = peers.dial(member);
      if (channel) return { channel, gone: false };
    }
    return { gone: false };
  }

  /** @private @param {string} addr */
  async name(addr) {
    const known = this.names.get(addr);
    if (known) return known;
    const name = await serverName(addr);
    this.names.set(addr, name);
    return name;
  }

  /** @param {Address} member */
  kind({ name, addr }) {
    const member = addr.startsWith(scheme) ? name : (this.names.get(addr) ?? "");
    return this.each.some(({ peers }) => peers.kind(member) === "relay") ? /** @type {const} */ ("server") : /** @type {const} */ ("none");
  }

  /** Servers do not ask. @param {boolean} belongs */
  belong(belongs) {}

  bye() {}

  close() {
    for (const { room, peers } of this.each) {
      peers.close();
      room.close();
    }
  }
}
