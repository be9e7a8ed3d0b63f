// What makes a repeated command run once: a caller numbers its commands in a session that
// the cluster remembers.
import { BalsaError, NotCommittedError } from "./errors.js";

/** For how long the cluster remembers a session that is not used, in milliseconds. */
const life = 10 * 60_000;
/** How far the next number may be ahead of the lowest that is waited for. */
const mostAhead = 2048;

/** The numbers of one session. */
class Session {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.next = 1;
    this.low = 1;
    /** @type {Set<number>} those done with, from low on */
    this.done = new Set();
    this.usedAt = Date.now();
    this.waiting = 0;
  }

  /** Whether it will last for another command. */
  get good() {
    return this.next - this.low < mostAhead && (this.waiting > 0 || Date.now() - this.usedAt < life / 2);
  }

  take() {
    this.usedAt = Date.now();
    this.waiting++;
    return this.next++;
  }

  /** @param {number} seq */
  give(seq) {
    this.waiting--;
    this.done.add(seq);
    while (this.done.delete(this.low)) this.low++;
  }
}

/** Breaks when a signal does. @param {AbortSignal} [signal] @returns {Promise<never>} */
const aborted = (signal) => new Promise((_, fail) => {
  const end = () => fail(new NotCommittedError("aborted", "ended before it was tried"));
  if (signal?.aborted) end();
  signal?.addEventListener("abort", end, { once: true });
});

export class Sessions {
  /** @param {import("./endpoints.js").Endpoints} endpoints */
  constructor(endpoints) {
    this.endpoints = endpoints;
    /** @type {Session | undefined} */
    this.current = undefined;
    /** @type {Promise<void> | undefined} */
    this.opening = undefined;
  }

  /**
   * Does something under a number, again under another one if the session had expired.
   * @template T
   * @param {AbortSignal | undefined} signal
   * @param {(number: { session: string, seq: string, low: string }) => Promise<T>} ask
   * @returns {Promise<T>}
   */
  async numbered(signal, ask) {
    for (;;) {
      const session = await this.session(signal);
      const seq = session.take();
      try {
        return await ask({ session: session.id, seq: String(seq), low: String(session.low) });
      } catch (error) {
        if (!(error instanceof BalsaError) || error.reason !== "session-expired" || error.name !== "NotCommittedError") throw error;
        if (this.current === session) this.current = undefined;
      } finally {
        session.give(seq);
      }
    }
  }

  /** A session that will last. One caller opens it, and the others wait. @private @param {AbortSignal} [signal] */
  async session(signal) {
    while (!this.current?.good) {
      if (this.opening) {
        await Promise.race([this.opening.catch(() => {}), aborted(signal)]);
        continue;
      }
      this.opening = this.open(signal).finally(() => (this.opening = undefined));
      await this.opening;
    }
    return this.current;
  }

  /** @private @param {AbortSignal} [signal] */
  async open(signal) {
    const { session } = await this.endpoints.call("OpenSession", { ttlMs: String(life) }, { signal, reads: true });
    this.current = new Session(session);
  }

  async close() {
    const session = this.current;
    this.current = undefined;
    // It expires by itself where this does not arrive.
    if (session) await this.endpoints.call("CloseSession", { session: session.id }, { signal: AbortSignal.timeout(1_000) }).catch(() => {});
  }
}
