// The channels to other members, by number: a number passes into the program at no cost.
import { kinds } from "./inbox.js";

/** The largest message that all browsers pass to each other. */
const piece = 16 << 10;
/** When so little is on its way, the program goes on sending. */
const drainedAt = 256 << 10;

/** A relayed stream with the manners of a data channel, as far as they are used here. */
class Relayed {
  /** @param {MessagePort} port */
  constructor(port) {
    this.port = port;
    this.readyState = "open";
    this.bufferedAmount = 0;
    this.bufferedAmountLowThreshold = 0;
    this.binaryType = "arraybuffer";
    /** @type {((event: any) => void) | null} */ this.onmessage = null;
    /** @type {((event: any) => void) | null} */ this.onopen = null;
    /** @type {((event: any) => void) | null} */ this.onclose = null;
    /** @type {((event: any) => void) | null} */ this.onerror = null;
    /** @type {((event: any) => void) | null} */ this.onbufferedamountlow = null;
    port.onmessage = ({ data: word }) => {
      if (word.data) {
        port.postMessage({ took: word.data.byteLength });
        this.onmessage?.({ data: word.data });
      } else if (word.sent) {
        this.bufferedAmount -= word.sent;
        if (this.bufferedAmount <= this.bufferedAmountLowThreshold) this.onbufferedamountlow?.({});
      } else if (word.closed) {
        this.onclose?.({});
      }
    };
  }

  /** @param {Uint8Array} bytes */
  send(bytes) {
    const data = bytes.slice().buffer;
    this.bufferedAmount += data.byteLength;
    this.port.postMessage({ data }, [data]);
  }

  close() {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.port.postMessage({ close: true });
  }
}

export class Channels {
  /** @param {import("./inbox.js").Inbox} inbox */
  constructor(inbox) {
    this.inbox = inbox;
    /** Where the program puts what is to be sent. */
    this.scratch = new Uint8Array(piece);
    /** @type {Map<number, RTCDataChannel | Relayed>} */
    this.channels = new Map();
    this.last = 0;
  }

  /** Takes a channel in, and tells its number. @param {RTCDataChannel | MessagePort} from */
  adopt(from) {
    const channel = from instanceof MessagePort ? new Relayed(from) : from;
    const id = ++this.last;
    this.channels.set(id, channel);
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = drainedAt;
    const tell = (/** @type {number} */ kind) => () => this.inbox.event(kind, id);
    channel.onmessage = (/** @type {{ data: unknown }} */ { data }) => {
      // Members say nothing as text.
      if (data instanceof ArrayBuffer) this.inbox.brought(kinds.data, id, new Uint8Array(data));
      else this.inbox.event(kinds.closed, id);
    };
    channel.onopen = tell(kinds.opened);
    channel.onbufferedamountlow = tell(kinds.drained);
    channel.onclose = channel.onerror = tell(kinds.closed);
    if (channel.readyState === "open") this.inbox.event(kinds.opened, id);
    if (channel.readyState === "closing" || channel.readyState === "closed") this.inbox.event(kinds.closed, id);
    return id;
  }

  /**
   * Sends the first bytes of scratch. It tells how many bytes are on their way, or -1 if
   * the channel is closed.
   * @param {number} id @param {number} size
   */
  send(id, size) {
    const channel = this.channels.get(id);
    try {
      channel?.send(this.scratch.subarray(0, size));
      return channel?.bufferedAmount ?? -1;
    } catch {
      return -1;
    }
  }

  /** @param {number} id */
  close(id) {
    const channel = this.channels.get(id);
    if (!channel) return;
    this.channels.delete(id);
    channel.onmessage = channel.onopen = channel.onbufferedamountlow = channel.onclose = channel.onerror = null;
    channel.close();
  }
}
