// Many small things in one message between page and Worker; web/member/packed.go has the
// other half, and says what is where.

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** How much room there is at first, and how much is kept for what comes next. */
const least = 4 << 10;
const mostKept = 1 << 20;

/** Writes numbers and bytes one behind the other. */
export class Packer {
  constructor() {
    this.all = new Uint8Array(least);
    this.view = new DataView(this.all.buffer);
    this.at = 4; // room for the count
    this.count = 0;
  }

  /** @private @param {number} size */
  renew(size) {
    this.all = new Uint8Array(size);
    this.view = new DataView(this.all.buffer);
  }

  /** @param {number} more */
  room(more) {
    const written = this.all;
    if (this.at + more <= written.length) return;
    this.renew(Math.max(2 * written.length, this.at + more));
    this.all.set(written.subarray(0, this.at));
  }

  /** @param {number} value */
  u32(value) {
    this.room(4);
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** @param {number} value */
  u8(value) {
    this.room(1);
    this.all[this.at++] = value;
  }

  /** @param {string} value written as UTF-8 behind its length */
  string(value) {
    this.room(4 + 3 * value.length);
    const { written } = utf8.encodeInto(value, this.all.subarray(this.at + 4));
    this.view.setUint32(this.at, written, true);
    this.at += 4 + written;
  }

  /** @param {Uint8Array} [bytes] written behind their length */
  bytes(bytes) {
    const length = bytes?.length ?? 0;
    this.room(4 + length);
    this.view.setUint32(this.at, length, true);
    if (bytes) this.all.set(bytes, this.at + 4);
    this.at += 4 + length;
  }

  /** What was written, until more is. */
  written() {
    this.view.setUint32(0, this.count, true);
    return this.all.subarray(0, this.at);
  }

  /** Begins anew, in the same memory unless that has grown large. */
  clear() {
    if (this.all.length > mostKept) this.renew(least);
    this.at = 4;
    this.count = 0;
  }

  /** What was written, as an ArrayBuffer that can be transferred. */
  done() {
    this.view.setUint32(0, this.count, true);
    return this.all.slice(0, this.at).buffer;
  }
}

/** Reads what was packed. */
export class Unpacker {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.at = 4;
    this.count = this.view.getUint32(0, true);
  }

  u32() {
    const value = this.view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  u8() {
    return this.bytes[this.at++];
  }

  f64() {
    const value = this.view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  /** A number that stands behind its length, as bytes do. */
  number() {
    this.u32();
    return this.f64();
  }

  string() {
    const length = this.u32();
    this.at += length;
    return text.decode(this.bytes.subarray(this.at - length, this.at));
  }
}
