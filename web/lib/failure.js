// What a member says of a failure: whether the thing happened, and why not. It stands in
// the details of an error as balsa.v1.Failure of rpc/balsav1/balsa.proto, whose few fields
// are read here.

/** @typedef {import("./errors.js").Reason} Reason */
/** @typedef {{ outcome: number, reasons: Reason[], leader: string }} Failure outcome as in the proto; leader its identity */

export const outcome = { notCommitted: 1, unknown: 2 };

/** Names of the proto's Reason. @type {(Reason | "")[]} */
const reasons = ["", "no-leader", "overloaded", "too-large", "session-expired", "compacted", "closed", "no-space", "removed", "refused", "result-lost", "wrong-options", "deadline"];

/**
 * The fields of a message: numbers as numbers, all else as bytes.
 * @param {Uint8Array} bytes @returns {Generator<[number, number | Uint8Array]>}
 */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; at < bytes.length; shift *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const key = varint();
    const field = key >> 3;
    switch (key & 7) {
      case 0:
        yield [field, varint()];
        break;
      case 2: {
        const length = varint();
        yield [field, bytes.subarray(at, at + length)];
        at += length;
        break;
      }
      case 1:
        at += 8;
        break;
      case 5:
        at += 4;
        break;
      default:
        return; // a later version's
    }
  }
}

/** @param {Uint8Array} bytes @returns {Failure} */
export function decodeFailure(bytes) {
  /** @type {Failure} */
  const failure = { outcome: 0, reasons: [], leader: "" };
  const reason = (/** @type {number} */ number) => failure.reasons.push(/** @type {Reason} */ (reasons[number] || "other"));
  for (const [field, value] of fields(bytes)) {
    if (field === 1 && typeof value === "number") failure.outcome = value;
    if (field === 2 && typeof value === "number") reason(value);
    if (field === 2 && typeof value !== "number") for (const number of value) reason(number); // packed, each below 128
    if (field === 5 && typeof value !== "number") {
      for (const [inner, text] of fields(value)) {
        if (inner === 2 && typeof text !== "number") failure.leader = new TextDecoder().decode(text);
      }
    }
  }
  return failure;
}
