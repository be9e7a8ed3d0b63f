// A room's keys, and the seal on all that passes the introducer (docs/introducer.md).
import { BalsaError } from "./errors.js";

const utf8 = new TextEncoder();

/** Random bytes that tell one WebSocket from all others. */
export const nonceSize = 16;

/** @param {...(Uint8Array | string)} parts @returns {Uint8Array<ArrayBuffer>} */
export function concat(...parts) {
  const all = parts.map((part) => (typeof part === "string" ? utf8.encode(part) : part));
  const whole = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

/**
 * @param {BufferSource} key @param {BufferSource} salt @param {Uint8Array<ArrayBuffer>} info @param {number} size in bytes
 */
async function expand(key, salt, info, size) {
  const from = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, from, 8 * size));
}

/**
 * @typedef {{ member: string, nonce: Uint8Array<ArrayBuffer> }} End one end of what is sealed
 * @typedef {"signal" | "relay"} Purpose
 */

/** What a room's secret is turned into. */
export class Keys {
  /** @param {string} id @param {Uint8Array<ArrayBuffer>} root */
  constructor(id, root) {
    /** What the introducer knows the room by. */
    this.id = id;
    this.root = root;
  }

  /**
   * @param {string} room
   * @param {string | Uint8Array<ArrayBuffer>} secret
   */
  static async derive(room, secret) {
    const name = utf8.encode(room);
    const key = typeof secret === "string" ? utf8.encode(secret) : secret;
    if (name.length < 1 || name.length > 128 || /\p{Cc}/u.test(room)) {
      throw new BalsaError("wrong-options", "room must have 1 to 128 bytes and no control characters");
    }
    if (key.length < 16) {
      throw new BalsaError("wrong-options", "secret needs at least 16 random bytes: whoever knows it is in the room. newSecret() makes a good one");
    }
    const id = await expand(key, name, utf8.encode("balsa room 1 identity"), 16);
    const root = await expand(key, name, utf8.encode("balsa room 1 root"), 32);
    return new Keys([...id].map((b) => b.toString(16).padStart(2, "0")).join(""), root);
  }

  /** The key of one direction. @param {End} from @param {End} to */
  async between(from, to) {
    const info = concat("balsa room 1 seal\0", from.member, "\0", to.member);
    return expand(this.root, concat(from.nonce, to.nonce), info, 32);
  }

  /**
   * A box for what own and peer say to each other on their present WebSockets.
   * @param {End} own @param {End} peer @param {Counter} counter
   */
  async box(own, peer, counter) {
    const usable = (/** @type {Uint8Array<ArrayBuffer>} */ key, /** @type {KeyUsage} */ usage) =>
      crypto.subtle.importKey("raw", key, "AES-GCM", false, [usage]);
    return new Box(counter, await usable(await this.between(own, peer), "encrypt"), await usable(await this.between(peer, own), "decrypt"));
  }
}

/** Numbers all that one WebSocket seals, whomever it is for. */
export class Counter {
  last = 0;
}

/** Seals for one other member, and opens what comes from it. */
export class Box {
  /** @param {Counter} counter @param {CryptoKey} out @param {CryptoKey} into */
  constructor(counter, out, into) {
    this.counter = counter;
    this.out = out;
    this.into = into;
    this.opened = 0;
  }

  /** @param {Purpose} purpose @param {Uint8Array<ArrayBuffer>} plain */
  async seal(purpose, plain) {
    const counter = ++this.counter.last;
    const sealed = await crypto.subtle.encrypt(form(purpose, counter), this.out, plain);
    return { counter, sealed: new Uint8Array(sealed) };
  }

  /**
   * Opens what was sealed by that member, for this one, on these WebSockets, and not seen
   * before; otherwise the promise is broken.
   * @param {Purpose} purpose @param {number} counter @param {Uint8Array<ArrayBuffer>} sealed
   */
  async open(purpose, counter, sealed) {
    if (!Number.isSafeInteger(counter) || counter <= this.opened) throw new BalsaError("other", "seen before");
    const plain = await crypto.subtle.decrypt(form(purpose, counter), this.into, sealed);
    this.opened = counter;
    return new Uint8Array(plain);
  }
}

/** @param {Purpose} purpose @param {number} counter */
function form(purpose, counter) {
  const iv = new Uint8Array(12);
  new DataView(iv.buffer).setBigUint64(4, BigInt(counter), true);
  return { name: "AES-GCM", iv, additionalData: utf8.encode(purpose) };
}
