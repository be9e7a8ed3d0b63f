// Streams over the introducer, for windows that have no direct connection: sealed frames
// with numbers and credit (docs/introducer.md). To the Worker a stream is a MessagePort,
// which worker.js gives the manners of a data channel.

/**
 * @typedef {import("./room.js").Room} Room
 * @typedef {import("./room.js").Peer} Peer
 */

const what = { open: 1, data: 2, credit: 3, end: 4, reset: 5 };
const head = 9;
/** How many bytes may be under way before the other side has given credit. */
const window = 256 << 10;
/** How much is taken in before credit is given for it. */
const creditEvery = 64 << 10;
const maxStreams = 64;

/** @param {number} kind @param {number} stream @param {number} number @param {Uint8Array} data */
function frame(kind, stream, number, data) {
  const bytes = new Uint8Array(head + data.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = kind;
  view.setUint32(1, stream, true);
  view.setUint32(5, number, true);
  bytes.set(data, head);
  return bytes;
}

const nothing = new Uint8Array(0);

class Stream {
  /** @param {Relay} relay @param {Peer} peer @param {number} id @param {boolean} own whether this side opened it */
  constructor(relay, peer, id, own) {
    this.relay = relay;
    this.peer = peer;
    this.id = id;
    this.own = own;
    this.sent = 0; // frames
    this.heard = 0; // frames
    this.credit = window;
    this.taken = 0; // bytes since credit was given
    this.allowed = window; // bytes that the other side has credit for
    /** @type {ArrayBuffer[]} */
    this.waiting = [];
    this.closing = false;
    this.ended = { here: false, there: false };
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.far = port2;
    port1.onmessage = ({ data }) => {
      if (data.close) this.closing = true;
      else if (data.took) this.took(data.took);
      else this.waiting.push(data.data);
      this.flush();
    };
  }

  /** @private @param {number} kind @param {Uint8Array} data */
  say(kind, data) {
    this.relay.room.relay(this.peer, frame(kind, this.id, this.sent++, data));
  }

  flush() {
    while (this.waiting.length > 0 && this.waiting[0].byteLength <= this.credit && !this.ended.there) {
      const data = /** @type {ArrayBuffer} */ (this.waiting.shift());
      this.credit -= data.byteLength;
      this.say(what.data, new Uint8Array(data));
      this.port.postMessage({ sent: data.byteLength });
    }
    if (this.closing && (this.waiting.length === 0 || this.ended.there) && !this.ended.here) {
      this.ended.here = true;
      this.say(what.end, nothing);
    }
    if (this.ended.here && this.ended.there) this.forget();
  }

  /** The Worker has taken data in. @private @param {number} bytes */
  took(bytes) {
    this.taken += bytes;
    if (this.taken < creditEvery || this.ended.there) return;
    const credit = new Uint8Array(4);
    new DataView(credit.buffer).setUint32(0, this.taken, true);
    this.allowed += this.taken;
    this.taken = 0;
    this.say(what.credit, credit);
  }

  /** @param {number} kind @param {number} number @param {Uint8Array<ArrayBuffer>} data */
  hear(kind, number, data) {
    if (kind === what.reset) return this.broken();
    if (number !== this.heard++ || (kind === what.credit && data.length !== 4)) return this.reset("a frame is missing");
    switch (kind) {
      case what.open:
        break;
      case what.data:
        this.allowed -= data.length;
        if (this.allowed < 0) return this.reset("more than there is credit for");
        this.port.postMessage({ data: data.buffer }, [data.buffer]);
        break;
      case what.credit:
        this.credit += new DataView(data.buffer).getUint32(0, true);
        this.flush();
        break;
      case what.end:
        this.ended.there = true;
        this.port.postMessage({ closed: true });
        this.flush();
        break;
      default:
        this.reset("what is that?");
    }
  }

  /** @param {string} reason */
  reset(reason) {
    this.say(what.reset, new TextEncoder().encode(reason));
    this.broken();
  }

  /** Nothing comes or goes any more. */
  broken() {
    this.port.postMessage({ closed: true });
    this.forget();
  }

  /** Ends it in order. */
  end() {
    this.port.postMessage({ closed: true });
    this.closing = true;
    this.flush();
  }

  forget() {
    this.relay.streams.get(this.peer)?.delete(this.id);
    this.port.onmessage = null;
  }
}

/** All relayed streams of a room. onstream(member, port) is the owner's. */
export class Relay {
  /** @param {Room} room */
  constructor(room) {
    this.room = room;
    /** @type {Map<Peer, Map<number, Stream>>} */
    this.streams = new Map();
    this.opened = 0;
    /** @type {(member: string, port: MessagePort) => void} */
    this.onstream = () => {};
    room.onframe = (peer, plain) => this.hear(peer, plain);
  }

  /** @param {Peer} peer */
  of(peer) {
    let streams = this.streams.get(peer);
    if (!streams) this.streams.set(peer, (streams = new Map()));
    return streams;
  }

  /** Opens a stream to a member; null if there are too many. @param {Peer} peer */
  open(peer) {
    const streams = this.of(peer);
    if (streams.size >= maxStreams) return null;
    const odd = this.room.member < peer.member ? 1 : 0;
    const stream = new Stream(this, peer, 2 * ++this.opened + odd, true);
    streams.set(stream.id, stream);
    this.room.relay(peer, frame(what.open, stream.id, stream.sent++, nothing));
    return stream.far;
  }

  /** @private @param {Peer} peer @param {Uint8Array<ArrayBuffer>} plain */
  hear(peer, plain) {
    if (plain.length < head) return;
    const view = new DataView(plain.buffer);
    const [kind, id, number] = [plain[0], view.getUint32(1, true), view.getUint32(5, true)];
    const streams = this.of(peer);
    let stream = streams.get(id);
    const theirs = id % 2 === (peer.member < this.room.member ? 1 : 0);
    if (!stream && kind === what.open && number === 0 && theirs && streams.size < maxStreams) {
      stream = new Stream(this, peer, id, false);
      streams.set(id, stream);
      this.onstream(peer.member, stream.far);
    }
    if (stream) stream.hear(kind, number, plain.slice(head));
    else if (kind !== what.reset) this.room.relay(peer, frame(what.reset, id, 0, new TextEncoder().encode("no such stream")));
  }

  /** Ends the streams that this side opened: there is a direct connection now. @param {Peer} peer */
  retire(peer) {
    for (const stream of [...this.of(peer).values()]) if (stream.own) stream.end();
  }

  /** A WebSocket is gone, and with it all streams to its member. @param {Peer} [peer] all if it is not given */
  lost(peer) {
    for (const [whose, streams] of this.streams) {
      if (peer && whose !== peer) continue;
      for (const stream of [...streams.values()]) stream.broken();
      this.streams.delete(whose);
    }
  }
}
