// Proposals and reads that wait for their outcome. What a page proposes in one go crosses
// to the Worker in one message.
import { NotCommittedError, UnknownError, BalsaError } from "./errors.js";
import { Packer, Unpacker } from "./packed.js";

const verdicts = { done: 0, notCommitted: 1, unknown: 2, doneLater: 3 };

/** @typedef {{ resolve: (value: any) => void, reject: (error: Error) => void, release: () => void }} Waiting */

export class Calls {
  /** @param {(word: object, moved?: Transferable[]) => void} post @param {import("./replica.js").Results} results of the replica */
  constructor(post, results) {
    this.post = post;
    this.results = results;
    this.next = 1;
    /** @type {Map<number, Waiting>} */
    this.waiting = new Map();
    /** @type {Packer | undefined} */
    this.packer = undefined;
    /** Why nothing is taken any more. @type {BalsaError | undefined} */
    this.over = undefined;
  }

  /**
   * @param {AbortSignal | undefined} signal
   * @param {(call: number) => void} start
   * @returns {Promise<any>}
   */
  begin(signal, start) {
    if (this.over) return Promise.reject(new NotCommittedError(this.over.reason, this.over.message));
    if (signal?.aborted) return Promise.reject(new NotCommittedError("aborted", "aborted before it was begun"));
    const call = this.next++ >>> 0;
    return new Promise((resolve, reject) => {
      const abort = () => this.post({ type: "cancel", call });
      signal?.addEventListener("abort", abort, { once: true });
      this.waiting.set(call, { resolve, reject, release: () => signal?.removeEventListener("abort", abort) });
      start(call);
    });
  }

  /** @param {string} command as JSON @param {AbortSignal} [signal] */
  propose(command, signal) {
    return this.begin(signal, (call) => {
      if (!this.packer) {
        this.packer = new Packer();
        queueMicrotask(() => this.flush());
      }
      this.packer.u32(call);
      this.packer.u8(signal ? 1 : 0);
      this.packer.string(command);
      this.packer.count++;
    });
  }

  /** @param {AbortSignal} [signal] */
  async read(signal) {
    await this.begin(signal, (call) => this.post({ type: "read", call }));
    // The Worker may have said so before it heard that the state is not what it should be.
    if (this.results.over) throw new NotCommittedError("reducer", this.results.over);
  }

  /** @private */
  flush() {
    const data = this.packer?.done();
    this.packer = undefined;
    if (!data) return;
    const results = this.results.say();
    this.post({ type: "propose", data, results }, results ? [data, results] : [data]);
  }

  /** @param {ArrayBuffer} packed */
  outcomes(packed) {
    const outcomes = new Unpacker(packed);
    for (let i = 0; i < outcomes.count; i++) {
      const call = outcomes.u32();
      const verdict = outcomes.u8();
      const text = verdict === verdicts.doneLater ? this.results.of(outcomes.number()) : outcomes.string();
      const waiting = this.waiting.get(call);
      this.waiting.delete(call);
      if (!waiting) continue;
      waiting.release();
      if (verdict === verdicts.done || verdict === verdicts.doneLater) {
        if (text === undefined) waiting.reject(new UnknownError("reducer", `it is committed, and has no result here: ${this.results.over}`));
        else waiting.resolve(text === "" ? undefined : JSON.parse(text));
        continue;
      }
      const { reason, message } = JSON.parse(/** @type {string} */ (text));
      waiting.reject(verdict === verdicts.notCommitted ? new NotCommittedError(reason, message) : new UnknownError(reason, message));
    }
  }

  /** Nothing comes any more: what was under way may have happened. @param {BalsaError} why */
  end(why) {
    this.over ??= why;
    for (const waiting of this.waiting.values()) {
      waiting.release();
      waiting.reject(new UnknownError(why.reason, why.message));
    }
    this.waiting.clear();
  }
}
