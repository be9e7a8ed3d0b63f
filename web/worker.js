// The Worker of a member: it loads the program of web/member, hands over what comes in, and
// sends what goes out.
import { Channels } from "./lib/channels.js";
import { Inbox, kinds } from "./lib/inbox.js";
import "./wasm_exec.js";

const inbox = new Inbox();
const channels = new Channels(inbox);

onmessage = ({ data: word }) => {
  switch (word.type) {
    case "results":
      return inbox.event(kinds.results, 0, new Uint8Array(word.results));
    case "propose":
      if (word.results) inbox.add(kinds.results, 0, new Uint8Array(word.results));
      return inbox.brought(kinds.propose, 0, new Uint8Array(word.data));
    case "read":
      return inbox.event(kinds.read, word.call);
    case "cancel":
      return inbox.event(kinds.cancel, word.call);
    case "answer":
      if (word.data) return inbox.event(kinds.answer, word.token, new Uint8Array(word.data));
  }
  // Handlers are set at once: what a channel says before has no second chance.
  inbox.word(word.channel ? { ...word, channel: channels.adopt(word.channel) } : word);
};

// What the program calls, by numbers and bytes where it is called often.
globalThis.balsa = {
  scratch: channels.scratch,
  serve: (/** @type {any} */ take) => inbox.serve(take),
  send: (/** @type {number} */ id, /** @type {number} */ size) => channels.send(id, size),
  close: (/** @type {number} */ id) => channels.close(id),
  /** @param {string} type @param {number} token @param {Uint8Array<ArrayBuffer>} bytes */
  post: (type, token, { buffer }) => postMessage({ type, token, data: buffer }, [buffer]),
};

// Not at the top level: what bundlers make of a Worker may be no module, where nothing awaits.
async function run() {
  try {
    const go = new Go();
    const source = await fetch(new URL("./member.wasm", import.meta.url));
    if (!source.ok) throw new Error(`${source.status} ${source.statusText}`);
    const { instance } = await WebAssembly.instantiateStreaming(source, go.importObject);
    go.run(instance).then(() => postMessage({ type: "failed", reason: "other", message: "the member has ended; reload the page" }));
  } catch (error) {
    postMessage({ type: "failed", reason: "load", message: `the member's program, member.wasm, cannot be loaded: ${error.message}` });
  }
}

void run();
