// Windows of one origin share the files of one member: the first has the member, the
// others are guests of it. A guest applies what its host tells it to a state of its own,
// and lets the host propose; when the host's window closes, one guest takes its place.
import { BalsaError, NotCommittedError, UnknownError } from "./errors.js";

/** @typedef {import("../balsa.js").Member<any, any, any>} Member */

const askAgain = 500;

/** An error in a form that passes between windows. @param {any} error */
const plain = (error) => ({ name: error.name, reason: error.reason ?? "other", message: error.message });

/** @param {{ name: string, reason: import("./errors.js").Reason, message: string }} error */
function revived({ name, reason, message }) {
  const kinds = { NotCommittedError, UnknownError };
  return new (kinds[/** @type {keyof typeof kinds} */ (name)] ?? BalsaError)(reason, message);
}

/** The side of the window that has the member. */
export class Host {
  /** @param {string} name @param {Member} member */
  constructor(name, member) {
    this.channel = new BroadcastChannel(name);
    this.member = member;
    /** @type {Map<string, AbortController>} */
    this.running = new Map();
    this.channel.onmessage = ({ data }) => this.hear(data);
    member.replica.onloaded = () => this.tellState();
    this.unwatch = member.watch((status) => this.say({ type: "status", status: { ...status, stopped: status.stopped && plain(status.stopped) } }));
    // Guests of a window that is gone wait for the state of this one.
    this.tellState();
  }

  /** @private @param {object} word */
  say(word) {
    this.channel.postMessage(word);
  }

  /** @private */
  tellState() {
    const { replica } = this.member;
    const { stopped, ...status } = this.member.status;
    this.say({ type: "state", text: replica.reducer.save(replica.state), applied: replica.applied, status: { ...status, stopped: stopped && plain(stopped) } });
  }

  /** @private @param {any} word */
  async hear(word) {
    switch (word.type) {
      case "attach":
        this.member.replica.onapplied = (commands) => this.say({ type: "applied", commands });
        return this.tellState();
      case "cancel":
        return this.running.get(word.call)?.abort();
      case "propose":
      case "read": {
        const abort = new AbortController();
        this.running.set(word.call, abort);
        const { calls, replica } = this.member;
        const running = word.type === "read" ? calls.read(abort.signal) : calls.propose(word.command, abort.signal);
        const outcome = await running.then((result) => ({ result }), (error) => ({ error: plain(error) }));
        this.running.delete(word.call);
        // What was applied before went out before, and arrives before this does.
        return this.say({ type: "outcome", call: word.call, applied: replica.applied, ...outcome });
      }
    }
  }

  close() {
    this.unwatch();
    this.member.replica.onapplied = this.member.replica.onloaded = undefined;
    this.channel.close();
  }
}

/** The side of a window that is a guest; it stands in for Calls. */
export class Guest {
  /** @param {string} name @param {Member} member */
  constructor(name, member) {
    this.channel = new BroadcastChannel(name);
    this.member = member;
    this.own = crypto.randomUUID();
    this.next = 1;
    /** @type {Map<string, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
    this.waiting = new Map();
    /** @type {BalsaError | undefined} */
    this.over = undefined;
    /** Kept once the host's state is here. @type {Promise<void>} */
    this.attached = new Promise((resolve) => (this.arrived = resolve));
    this.channel.onmessage = ({ data }) => this.hear(data);
    const ask = () => this.channel.postMessage({ type: "attach" });
    ask();
    this.asking = setInterval(ask, askAgain); // a host that is opening answers later
  }

  /** @private @param {any} word */
  hear(word) {
    const { replica } = this.member;
    switch (word.type) {
      case "state":
        clearInterval(this.asking);
        replica.state = replica.reducer.load(word.text);
        replica.applied = word.applied;
        replica.changed();
        this.hearStatus(word.status);
        return this.arrived?.();
      case "applied":
        for (const [entry, command] of word.commands) {
          if (entry.index <= replica.applied) continue;
          replica.reducer.apply(replica.state, command, entry);
          replica.applied = entry.index;
        }
        return replica.changed();
      case "status":
        return this.hearStatus(word.status);
      case "outcome": {
        const waiting = this.waiting.get(word.call);
        this.waiting.delete(word.call);
        return word.error ? waiting?.reject(revived(word.error)) : waiting?.resolve(word.result);
      }
    }
  }

  /** @private @param {any} status */
  hearStatus(status) {
    const shared = { ...status, attached: true, stopped: status.stopped && revived(status.stopped) };
    this.member.adopt(shared);
  }

  /** @private @param {AbortSignal | undefined} signal @param {object} word */
  begin(signal, word) {
    if (this.over) return Promise.reject(new NotCommittedError(this.over.reason, this.over.message));
    if (signal?.aborted) return Promise.reject(new NotCommittedError("aborted", "aborted before it was begun"));
    const call = `${this.own}/${this.next++}`;
    const abort = () => this.channel.postMessage({ type: "cancel", call });
    signal?.addEventListener("abort", abort, { once: true });
    const outcome = new Promise((resolve, reject) => this.waiting.set(call, { resolve, reject }));
    this.channel.postMessage({ ...word, call });
    return outcome.finally(() => signal?.removeEventListener("abort", abort));
  }

  /** @param {string} command as JSON @param {AbortSignal} [signal] @returns {Promise<any>} */
  propose(command, signal) {
    return this.begin(signal, { type: "propose", command });
  }

  /** @param {AbortSignal} [signal] @returns {Promise<any>} */
  read(signal) {
    return this.begin(signal, { type: "read" });
  }

  /** @param {BalsaError} why */
  end(why) {
    this.over ??= why;
    clearInterval(this.asking);
    this.channel.close();
    for (const waiting of this.waiting.values()) waiting.reject(new UnknownError(why.reason, why.message));
    this.waiting.clear();
  }
}
