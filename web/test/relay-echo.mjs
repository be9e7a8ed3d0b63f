// A window's half of a test of transport/websocket: it has no WebRTC, so its streams go over the
// introducer. What comes on a stream it gives back; and it sends a mebibyte of its own, and
// says whether it came back whole.
//
//     node --experimental-websocket relay-echo.mjs URL ROOM SECRET MEMBER OTHER
import { Keys } from "../lib/keys.js";
import { Peers } from "../lib/peers.js";
import { Room } from "../lib/room.js";

const [url, name, secret, member, other] = process.argv.slice(2);
const keys = await Keys.derive(name, secret);
const room = new Room({ url: `${url}/room`, keys, member });
const peers = new Peers(room);

/** @param {any} port @param {(data: ArrayBuffer) => void} got */
function take(port, got) {
  port.onmessage = ({ data: word }) => {
    if (!word.data) return;
    const size = word.data.byteLength;
    got(word.data);
    port.postMessage({ took: size });
  };
}

peers.onchannel = (_, port) => take(port, (data) => port.postMessage({ data }));

let dialled = false;
peers.onhere = (who) => {
  const port = who === other && !dialled ? peers.dial(who) : null;
  if (!port) return;
  dialled = true;
  const sent = new Uint8Array(1 << 20).map((_, i) => (i * 7 + (i >> 10)) & 255);
  let back = 0;
  let whole = true;
  take(port, (data) => {
    for (const byte of new Uint8Array(data)) whole &&= byte === sent[back++];
    if (back === sent.length) console.log(whole ? "all came back" : "something else came back");
  });
  for (let at = 0; at < sent.length; at += 16 << 10) port.postMessage({ data: sent.slice(at, at + (16 << 10)).buffer });
};
process.stdin.resume().on("end", () => process.exit(0));
