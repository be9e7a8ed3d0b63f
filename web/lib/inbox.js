// What comes in for the members' program, gathered: it wakes once for all that came while
// it was busy, and gets the bytes in one piece. web/member/events.go has the other half.
import { Packer } from "./packed.js";

/** What an event says; data, propose, answer and results have bytes. */
export const kinds = { data: 0, opened: 1, drained: 2, closed: 3, propose: 4, read: 5, cancel: 6, answer: 7, results: 8 };

/** What comes so long after the program was busy last, in milliseconds, comes by itself. */
const apart = 0.5;

export class Inbox {
  constructor() {
    this.packer = new Packer();
    /** Words that numbers and bytes cannot say. @type {object[]} */
    this.words = [];
    /** The program, once it is there: words come before events. @type {((words: object[] | null, events: Uint8Array) => void) | undefined} */
    this.take = undefined;
    this.ringing = false;
    /** When the program had done all that it was handed. */
    this.done = -Infinity;
    // A message to oneself arrives behind all that has arrived by now, at once where a
    // timer would wait.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => this.handOver();
    this.bell = port2;
  }

  /** @param {number} kind @param {number} id of a channel or call @param {Uint8Array} [bytes] */
  event(kind, id, bytes) {
    this.add(kind, id, bytes);
    this.ring();
  }

  /**
   * An event that the browser has just brought, so that nothing else is under way: if it
   * comes by itself, it does not wait for others.
   * @param {number} kind @param {number} id @param {Uint8Array} bytes
   */
  brought(kind, id, bytes) {
    this.add(kind, id, bytes);
    if (this.take && !this.ringing && performance.now() - this.done > apart) this.handOver();
    else this.ring();
  }

  /** Adds an event to what comes next. @param {number} kind @param {number} id @param {Uint8Array} [bytes] */
  add(kind, id, bytes) {
    this.packer.u8(kind);
    this.packer.u32(id);
    this.packer.bytes(bytes);
    this.packer.count++;
  }

  /** @param {object} word */
  word(word) {
    this.words.push(word);
    this.ring();
  }

  ring() {
    if (this.ringing || !this.take) return;
    this.ringing = true;
    this.bell.postMessage(0);
  }

  /** From now on the program takes what comes. @param {(words: object[] | null, events: Uint8Array) => void} take */
  serve(take) {
    this.take = take;
    this.ring();
  }

  /** @private */
  handOver() {
    this.ringing = false;
    const words = this.words.length > 0 ? this.words : null;
    this.words = [];
    const events = this.packer.written();
    // What follows is written over what is handed over now, which nobody keeps.
    this.packer.clear();
    this.take?.(words, events);
    this.done = performance.now();
  }
}
