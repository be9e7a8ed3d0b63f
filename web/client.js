// A caller of a cluster that is no member of it: it keeps nothing, and asks.
//
//   const cluster = connect({ servers: ["https://a.example.org", "https://b.example.org"], token });
//   const result = await cluster.propose({ type: "add", text: "milk" });
//   const state = await cluster.query();
//   for await (const { index, command } of cluster.watch()) …
import { written } from "./lib/command.js";
import { Endpoints, fromBytes, toBytes } from "./lib/endpoints.js";
import { BalsaError, NotCommittedError, UnknownError } from "./lib/errors.js";
import { Sessions } from "./lib/sessions.js";

export { BalsaError, NotCommittedError, UnknownError };

/**
 * @typedef {object} Options
 * @property {string[]} servers where members answer callers, as https://example.org; any of them will do, more are tried in turn
 * @property {string} [token] what lets in where callers are told apart
 */

/**
 * How new a state an answer must come from: by default it holds all that was acknowledged before.
 * @typedef {object} Level
 * @property {number} [stale] the newest at most so many milliseconds ago
 * @property {boolean} [lease] the newest, as long as clocks run at about the same rate
 * @property {number} [atLeast] it holds the entry of this index
 */

/** @typedef {{ index: number, term: number, time: number, command: any }} Committed time in milliseconds since 1970 */

/** @param {Options} options */
export function connect({ servers, token }) {
  if (!Array.isArray(servers) || servers.length === 0 || !servers.every((server) => /^https?:\/\//.test(server))) {
    throw new BalsaError("wrong-options", "servers must be addresses that begin with https:// (or http:// on this machine)");
  }
  return new Cluster(new Endpoints(servers, token));
}

export class Cluster {
  /** @param {Endpoints} endpoints */
  constructor(endpoints) {
    this.endpoints = endpoints;
    this.sessions = new Sessions(endpoints);
  }

  /**
   * Replicates a command, and is kept with what the state machine returned for it. However
   * often it has to be sent, and to whom, it is applied once. It tries until signal says
   * not to: then a NotCommittedError says that it never happens, an UnknownError that it may.
   * @param {any} command
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<any>}
   */
  async propose(command, { signal } = {}) {
    const text = written(command);
    const answer = await this.sessions.numbered(signal, (number) => this.endpoints.call("Propose", { command: toBytes(text), ...number }, { signal }));
    return read(answer.result);
  }

  /**
   * Asks the state machine a question, which changes nothing.
   * @param {any} [question] what the state machine understands
   * @param {Level & { signal?: AbortSignal }} [options]
   * @returns {Promise<any>}
   */
  async query(question, { stale, lease, atLeast, signal } = {}) {
    const level = stale !== undefined ? { staleMs: String(stale) } : lease ? { lease } : atLeast !== undefined ? { atLeast: String(atLeast) } : {};
    const text = question === undefined ? "" : JSON.stringify(question);
    const answer = await this.endpoints.call("Query", { question: toBytes(text), ...level }, { signal, reads: true });
    return read(answer.answer);
  }

  /**
   * The commands that were applied, in order and each once, and then those to come, until
   * the loop or signal ends. To resume, ask for the index after the last one seen.
   * @param {{ from?: number, signal?: AbortSignal }} [options]
   * @returns {AsyncGenerator<Committed, void, void>}
   */
  async *watch({ from = 1, signal } = {}) {
    for await (const entry of this.endpoints.watch(from, signal)) {
      yield { index: Number(entry.index), term: Number(entry.term), time: Number(BigInt(entry.time) / 1_000_000n), command: read(entry.command) };
    }
  }

  /** How the member that is asked stands. @param {{ signal?: AbortSignal }} [options] @returns {Promise<any>} */
  status({ signal } = {}) {
    return this.endpoints.call("Status", {}, { signal, reads: true });
  }

  /** Lets the cluster forget this caller, which it does by itself later. */
  close() {
    return this.sessions.close();
  }
}

/** @param {string | undefined} bytes JSON in base64, nothing for undefined */
function read(bytes) {
  const text = fromBytes(bytes ?? "");
  return text === "" ? undefined : JSON.parse(text);
}
