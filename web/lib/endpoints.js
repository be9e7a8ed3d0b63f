// Calls of a cluster's service for callers outside (rpc/balsav1/balsa.proto), as JSON over
// fetch, on one server after the other.
import { BalsaError, NotCommittedError, UnknownError } from "./errors.js";
import { decodeFailure, outcome } from "./failure.js";
import { fromBase64, toBase64 } from "./keys.js";

/** @typedef {import("./errors.js").Reason} Reason */

/** How long a server may try what is sent to it first, before another one is asked; each time it is double. */
const firstWait = 1_000;
const mostWait = 8_000;
/** How much longer than that the answer may take to come. */
const grace = 2_000;
/** How long a stream may be without a sign of life, of which a member sends one each second. */
const silence = 5_000;
const leastPause = 20;
const mostPause = 1_000;

/** @param {string} text */
export const toBytes = (text) => toBase64(new TextEncoder().encode(text));
/** @param {string} bytes */
export const fromBytes = (bytes) => new TextDecoder().decode(fromBase64(bytes));

/** Reasons that no other server would mend. @type {Set<Reason>} */
const final = new Set(["wrong-options", "too-large", "refused", "session-expired"]);
/** Codes of who refuses without asking the member, and what they mean. @type {Record<string, Reason>} */
const refusals = { unauthenticated: "unauthenticated", permission_denied: "forbidden", unimplemented: "wrong-options", invalid_argument: "wrong-options" };

/** Why an attempt failed. */
class Failed extends Error {
  /** @param {string} message @param {{ sure?: boolean, final?: boolean, own?: boolean, reason?: Reason, leader?: string }} what */
  constructor(message, { sure = false, final = false, own = false, reason = "other", leader = "" } = {}) {
    super(message);
    /** It has not happened, and never will. */
    this.sure = sure;
    /** Another server would say the same. */
    this.final = final;
    /** It is the state machine's own answer. */
    this.own = own;
    this.reason = reason;
    this.leader = leader;
  }
}

/** What an error's JSON says. @param {any} error @returns {Failed} */
function explain(error) {
  const message = String(error?.message ?? "it does not say why");
  const detail = error?.details?.find?.((/** @type {any} */ d) => d.type === "balsa.v1.Failure");
  if (!detail) {
    const reason = refusals[error?.code];
    return reason ? new Failed(message, { sure: true, final: true, reason }) : new Failed(message);
  }
  const failure = decodeFailure(fromBase64(detail.value));
  const own = failure.reasons.length === 0 && failure.outcome === 0 && error.code === "unknown";
  const lasting = failure.reasons.find((reason) => final.has(reason));
  return new Failed(message, {
    sure: failure.outcome === outcome.notCommitted, final: own || (lasting !== undefined && !failure.reasons.includes("removed")), own,
    reason: lasting ?? failure.reasons[0] ?? "other", leader: failure.leader,
  });
}

export class Endpoints {
  /** @param {string[]} servers @param {string} [token] */
  constructor(servers, token) {
    this.servers = servers.map((server) => server.replace(/\/+$/, ""));
    this.token = token;
    /** Which of them answered last, or leads. */
    this.favourite = 0;
    /** Which of them is which member, by identity. @type {Map<string, number>} */
    this.known = new Map();
  }

  /** @private @param {string} method @param {string} type @param {BodyInit} body @param {number} server @param {AbortSignal} signal */
  async post(method, type, body, server, signal) {
    /** @type {Record<string, string>} */
    const headers = { "Content-Type": type, "Connect-Protocol-Version": "1" };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    try {
      return await fetch(`${this.servers[server]}/balsa.v1.Cluster/${method}`, { method: "POST", headers, body, signal, cache: "no-store" });
    } catch (error) {
      throw new Failed(`${this.servers[server]} does not answer: ${error}`);
    }
  }

  /** @private @param {Response} response */
  async refused(response) {
    const text = await response.text().catch(() => "");
    try {
      return explain(JSON.parse(text));
    } catch {
      return new Failed(`the answer is ${response.status}: ${text.slice(0, 200)}`);
    }
  }

  /** One attempt. @private @param {string} method @param {object} question @param {number} server @param {AbortSignal} signal */
  async ask(method, question, server, signal) {
    const response = await this.post(method, "application/json", JSON.stringify(question), server, signal);
    if (!response.ok) throw await this.refused(response);
    const answer = await response.json().catch((error) => {
      throw new Failed(`the answer breaks off: ${error}`);
    });
    this.heard(server, answer.standing);
    return answer;
  }

  /** Notes who answered, and who leads. @private @param {number} server @param {{ member?: string, leader?: string } | undefined} standing */
  heard(server, standing) {
    if (standing?.member) this.known.set(standing.member, server);
    this.favourite = this.known.get(standing?.leader ?? "") ?? server;
  }

  /**
   * Asks one server after the other, until one has carried it out or says that none will, or
   * signal ends it.
   * @param {string} method @param {object} question
   * @param {{ signal?: AbortSignal, reads?: boolean }} options reads: it changes nothing
   * @returns {Promise<any>}
   */
  async call(method, question, { signal, reads = false }) {
    let unknown = false;
    /** @type {Failed | undefined} */
    let last;
    const verdict = (/** @type {Reason} */ reason, /** @type {string} */ message) =>
      unknown && !reads ? new UnknownError(reason, message) : new NotCommittedError(reason, message);
    for (let n = 0; ; n++) {
      if (signal?.aborted) throw verdict("aborted", last ? `ended while it was tried: ${last.message}` : "ended before it was tried");
      const wait = Math.min(firstWait * 2 ** n, mostWait);
      const allowed = AbortSignal.timeout(wait + grace);
      const server = this.favourite;
      try {
        return await this.ask(method, { ...question, waitMs: wait }, server, signal ? AbortSignal.any([signal, allowed]) : allowed);
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
        last = error;
        unknown ||= !error.sure;
        if (error.own) throw new BalsaError("refused", error.message);
        if (error.final) throw verdict(error.reason, error.message);
        this.next(server, error.leader);
      }
      await pause(n < this.servers.length - 1 ? 0 : Math.min(leastPause * 2 ** (n - this.servers.length + 1), mostPause), signal);
    }
  }

  /** Another server than one that failed: the leader, if it is known. @private @param {number} server @param {string} leader */
  next(server, leader) {
    const leading = this.known.get(leader);
    this.favourite = leading !== undefined && leading !== server ? leading : (server + 1) % this.servers.length;
  }

  /**
   * Entries from an index on, from whichever server.
   * @param {number} from @param {AbortSignal} [signal] @returns {AsyncGenerator<any, void, void>}
   */
  async *watch(from, signal) {
    /** Servers whose logs do not reach back so far. @type {Set<number>} */
    const compacted = new Set();
    for (let n = 0, server = this.favourite; ; n++, server = (server + 1) % this.servers.length) {
      try {
        for await (const entry of this.stream(server, from, signal)) {
          if (Number(entry.index) < from) continue;
          from = Number(entry.index) + 1;
          n = 0;
          compacted.clear();
          yield entry;
        }
      } catch (error) {
        if (signal?.aborted) throw new BalsaError("aborted", "the watch was ended");
        if (!(error instanceof Failed)) throw error;
        if (error.reason === "compacted") compacted.add(server);
        if (compacted.size === this.servers.length || error.final) throw new BalsaError(error.reason, error.message);
      }
      await pause(n < this.servers.length ? 0 : mostPause, signal);
    }
  }

  /** What one server streams, for as long as it says something. @private @param {number} server @param {number} from @param {AbortSignal} [signal] */
  async *stream(server, from, signal) {
    const quiet = new AbortController();
    let timer = setTimeout(() => quiet.abort(), silence);
    try {
      const both = signal ? AbortSignal.any([signal, quiet.signal]) : quiet.signal;
      const question = new TextEncoder().encode(JSON.stringify({ from: String(from) }));
      const response = await this.post("Watch", "application/connect+json", envelope(question), server, both);
      if (!response.ok || !response.body) throw await this.refused(response);
      for await (const { last, text } of envelopes(response.body)) {
        // What the loop does with it takes as long as it likes; that is not the server's silence.
        clearTimeout(timer);
        const word = JSON.parse(text);
        if (last) throw word.error ? explain(word.error) : new Failed("the stream has ended");
        if (word.index && word.index !== "0") yield word;
        else this.heard(server, word.standing);
        timer = setTimeout(() => quiet.abort(), silence);
      }
      throw new Failed("the stream broke off");
    } finally {
      clearTimeout(timer);
      quiet.abort();
    }
  }
}

/** One message of a stream: flags, length, and what it says. @param {Uint8Array} message */
function envelope(message) {
  const bytes = new Uint8Array(5 + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, 5);
  return bytes;
}

const endOfStream = 2;

/** @param {ReadableStream<Uint8Array>} body @returns {AsyncGenerator<{ last: boolean, text: string }, void, void>} */
async function* envelopes(body) {
  const reader = body.getReader();
  let rest = new Uint8Array(0);
  try {
    for (;;) {
      const length = rest.length >= 5 ? new DataView(rest.buffer, rest.byteOffset).getUint32(1) : Infinity;
      if (rest.length >= 5 + length) {
        yield { last: (rest[0] & endOfStream) !== 0, text: new TextDecoder().decode(rest.subarray(5, 5 + length)) };
        rest = rest.slice(5 + length);
        continue;
      }
      const { done, value } = await reader.read();
      if (done) return;
      const longer = new Uint8Array(rest.length + value.length);
      longer.set(rest);
      longer.set(value, rest.length);
      rest = longer;
    }
  } catch (error) {
    throw error instanceof Failed ? error : new Failed(`the stream broke: ${error}`);
  } finally {
    void reader.cancel().catch(() => {});
  }
}

/** @param {number} milliseconds @param {AbortSignal} [signal] */
function pause(milliseconds, signal) {
  if (milliseconds === 0 || signal?.aborted) return;
  return new Promise((resolve) => {
    const done = () => (clearTimeout(timer), signal?.removeEventListener("abort", done), resolve(undefined));
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
  });
}
