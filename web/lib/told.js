// What an introducer tells, checked: it is trusted with nothing, so not with its own words
// either (docs/introducer.md).
import { nonceSize } from "./keys.js";

/**
 * @typedef {{ seat: number, member: string, nonce: string }} PeerWord
 * @typedef {{ type: "welcome", seat: number, settling: number, peers: PeerWord[], iceServers: RTCIceServer[], resume: string } | { type: "joined", peer: PeerWord } |
 *   { type: "left", seat: number } | { type: "signal", from: number, counter: number, sealed: string } | { type: "pong" } |
 *   { type: "error", code: string, message: string, seat?: number }} Told
 */

/** What a message may have at most: the text of all members of a large room; a frame as the protocol has it. */
const mostText = 1 << 20;
export const mostFrame = 16_448;
/** How many may be in a room. */
export const mostPeers = 4_096;
const mostWords = 300;
const mostToken = 4_096;

/** Somebody says what no introducer says. */
export class Nonsense extends Error {}

/** @param {boolean} holds @param {string} what @returns {asserts holds} */
function check(holds, what) {
  if (!holds) throw new Nonsense(what);
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {unknown} seat @returns {seat is number} */
const isSeat = (seat) => Number.isInteger(seat) && /** @type {number} */ (seat) > 0 && /** @type {number} */ (seat) < 2 ** 32;

/** @param {unknown} text @returns {text is string} */
const isBase64 = (text) => typeof text === "string" && text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

/** @param {unknown} text */
const cut = (text) => (typeof text === "string" ? text.slice(0, mostWords) : "");

/**
 * Reads a text message. What it throws is Nonsense.
 * @param {string} text @returns {Told}
 */
export function told(text) {
  check(text.length <= mostText, `a message of ${text.length} characters`);
  let word;
  try {
    word = JSON.parse(text);
  } catch {
    throw new Nonsense(`no JSON: ${JSON.stringify(text.slice(0, 40))}`);
  }
  check(isObject(word), "JSON that is no object");
  switch (word.type) {
    case "welcome": {
      const { peers = [], seat, settling = 0 } = word;
      check(isSeat(seat) && typeof settling === "number" && settling >= 0, "a welcome without a seat");
      check(Array.isArray(peers) && peers.length <= mostPeers, "a welcome that lists nobody, or too many");
      return { type: "welcome", seat, settling, peers: peers.map(peerOf), iceServers: iceServersOf(word.iceServers), resume: tokenOf(word.resume) };
    }
    case "joined":
      return { type: "joined", peer: peerOf(word.peer) };
    case "left":
      check(isSeat(word.seat), "somebody left who had no seat");
      return { type: "left", seat: word.seat };
    case "signal":
      check(isSeat(word.from) && Number.isSafeInteger(word.counter) && isBase64(word.sealed), "a signal that is not sealed");
      return { type: "signal", from: word.from, counter: /** @type {number} */ (word.counter), sealed: /** @type {string} */ (word.sealed) };
    case "pong":
      return { type: "pong" };
    case "error":
      check(typeof word.code === "string" && (word.seat === undefined || isSeat(word.seat)), "an error that says nothing");
      return { type: "error", code: cut(word.code), message: cut(word.message), seat: /** @type {number | undefined} */ (word.seat) };
  }
  throw new Nonsense(`a word of the type ${JSON.stringify(cut(word.type).slice(0, 40))}`);
}

/** @param {unknown} peer @returns {PeerWord} */
function peerOf(peer) {
  check(isObject(peer) && isSeat(peer.seat) && typeof peer.member === "string" && /^[A-Za-z0-9._-]{1,64}$/.test(peer.member), "a member without a seat or name");
  check(isBase64(peer.nonce) && atob(/** @type {string} */ (peer.nonce)).length === nonceSize, "a member without a nonce");
  return { seat: peer.seat, member: peer.member, nonce: /** @type {string} */ (peer.nonce) };
}

/** @param {unknown} token */
function tokenOf(token = "") {
  check(typeof token === "string" && token.length <= mostToken, "a token that is none");
  return token;
}

/** Servers as RTCPeerConnection takes them: with others it would not begin at all. @param {unknown} servers @returns {RTCIceServer[]} */
function iceServersOf(servers) {
  if (!Array.isArray(servers)) return [];
  const text = (/** @type {unknown} */ value) => (typeof value === "string" ? value : undefined);
  return servers.slice(0, 16).filter(isObject).flatMap(({ urls, username, credential }) => {
    const usable = /** @type {any[]} */ ([urls].flat()).filter((url) => typeof url === "string" && /^(stun|turn)s?:[^\s/?#]+(\?transport=(udp|tcp))?$/.test(url));
    return usable.length > 0 ? [{ urls: usable, username: text(username), credential: text(credential) }] : [];
  });
}
