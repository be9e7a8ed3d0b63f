// The state and its reducer, on the page: the Worker says what to do, in the log's order.
import { Packer, Unpacker } from "./packed.js";

/**
 * What a reducer may know besides state and command, the same on all members.
 * @typedef {{ index: number, time: number, random: number }} Entry
 *   index in the log; time in milliseconds since 1970, by the leader's clock, never going back; random in [0, 1)
 */

/**
 * @template S, C, R
 * @typedef {{ apply: (state: S, command: C, entry: Entry) => R, save: (state: S) => string, load: (text: string) => S }} Reducer
 */

/** From how many characters on results are said without being asked for. */
const full = 256 << 10;

/**
 * What commands came to, as JSON, until the Worker has it: it is said with what is proposed
 * next, or when the Worker asks for it (web/member/results.go).
 */
export class Results {
  constructor() {
    /** @type {string[]} */
    this.texts = [];
    /** The number of the first of them, counted from when the Worker began. */
    this.first = 0;
    /** How many of them were said. */
    this.said = 0;
    /** How many characters those have that were not. */
    this.unsaid = 0;
    /** Why there will be no others. */
    this.over = "";
  }

  /** @param {string} text */
  add(text) {
    this.texts.push(text);
    this.unsaid += text.length;
  }

  /** Whether so much waits that it is better said now. */
  get full() {
    return this.unsaid >= full;
  }

  /** The Worker has those below a number. @param {number} number */
  forget(number) {
    const gone = number - this.first;
    if (gone <= 0) return;
    this.texts.splice(0, gone);
    this.first = number;
    this.said -= gone;
  }

  /** @param {number} number of a command @returns {string | undefined} */
  of(number) {
    return this.texts[number - this.first];
  }

  /** What was not said yet, packed; undefined if that is nothing. @returns {ArrayBuffer | undefined} */
  say() {
    if (this.said === this.texts.length) return undefined;
    const packer = new Packer();
    for (; this.said < this.texts.length; this.said++) {
      packer.string(this.texts[this.said]);
      packer.count++;
    }
    this.unsaid = 0;
    return packer.done();
  }

  clear() {
    this.texts = [];
    this.first = this.said = this.unsaid = 0;
    this.over = "";
  }
}

/** @template S, C, R */
export class Replica {
  /** @param {S} initial @param {Reducer<S, C, R>} reducer */
  constructor(initial, reducer) {
    this.reducer = reducer;
    this.initial = reducer.save(initial);
    this.state = /** @type {S} */ (reducer.load(this.initial));
    /** How often the state has changed. */
    this.version = 0;
    /** The last entry that was applied. */
    this.applied = 0;
    this.results = new Results();
    /** Why nothing is applied any more: what the reducer threw. @type {{ index: number, error: string } | undefined} */
    this.broken = undefined;
    /** @type {Set<(state: S) => void>} */
    this.subscribers = new Set();
    /** @type {((commands: [Entry, C][]) => void) | undefined} tells attached windows */
    this.onapplied = undefined;
    /** @type {(() => void) | undefined} */
    this.onloaded = undefined;
  }

  /**
   * Applies a batch, and says whether results are to be said now. What a reducer throws
   * stops the member: it would throw again.
   * @param {ArrayBuffer} packed
   */
  apply(packed) {
    const commands = new Unpacker(packed);
    const now = commands.u8() === 1;
    this.results.forget(commands.f64());
    if (this.broken) return false;
    /** @type {[Entry, C][]} */
    const applied = [];
    for (let i = 0; i < commands.count; i++) {
      const entry = { index: commands.f64(), time: commands.f64(), random: commands.f64() };
      const text = commands.string();
      try {
        const command = /** @type {C} */ (text === "" ? undefined : JSON.parse(text));
        const result = this.reducer.apply(this.state, command, entry);
        this.results.add(result === undefined ? "" : JSON.stringify(result));
        this.applied = entry.index;
        if (this.onapplied) applied.push([entry, command]);
      } catch (error) {
        const at = text.length > 200 ? text.slice(0, 200) + "…" : text;
        this.broken = { index: entry.index, error: `apply threw ${error} at entry ${entry.index}, the command ${at}` };
        this.results.over = this.broken.error;
        return false;
      }
    }
    this.onapplied?.(applied);
    this.changed();
    return now || this.results.full;
  }

  /** @returns {{ data: ArrayBuffer } | { error: string }} */
  save() {
    if (this.broken) return { error: this.broken.error };
    try {
      return { data: new TextEncoder().encode(this.reducer.save(this.state)).buffer };
    } catch (error) {
      return { error: String(error) };
    }
  }

  /** @param {ArrayBuffer} data @returns {{ error?: string }} */
  load(data) {
    try {
      this.state = this.reducer.load(new TextDecoder().decode(data));
    } catch (error) {
      return { error: String(error) };
    }
    this.onloaded?.();
    this.changed();
    return {};
  }

  /** Begins anew: what comes next is a snapshot, or the log from its start. */
  reset() {
    this.state = this.reducer.load(this.initial);
    this.applied = 0;
    this.results.clear();
    this.broken = undefined;
    this.changed();
  }

  changed() {
    this.version++;
    for (const tell of this.subscribers) this.tell(tell);
  }

  /** A subscriber that throws is its own problem. @param {(state: S) => void} tell */
  tell(tell) {
    try {
      tell(this.state);
    } catch (error) {
      reportError(error);
    }
  }

  /** @param {(state: S) => void} tell called now and after every change @returns {() => void} ends it */
  subscribe(tell) {
    const own = (/** @type {S} */ state) => tell(state);
    this.subscribers.add(own);
    this.tell(own);
    return () => void this.subscribers.delete(own);
  }
}
