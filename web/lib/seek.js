// What a member that belongs to no cluster does in its room (docs/introducer.md).

/**
 * How long it takes those who belong to a room to come back to an introducer that was away,
 * in milliseconds: for so long, that nobody is there means nothing.
 */
export const settling = 3_000;

/**
 * Whether somebody in a room belongs to the cluster that lives there; "" has not said yet.
 * @typedef {"" | "seeking" | "belonging"} Standing
 */

/**
 * It joins some of the others, it founds a cluster, or, if neither, it waits. Of several who
 * come into an empty room, the one on the first seat founds, and the others wait until it
 * has. Somebody who stays silent may belong, in a window that its browser has frozen: it is
 * not passed over.
 * @template {{ seat: number, standing?: Standing, late?: boolean }} Neighbor late: it has been there for as long as settling takes
 * @param {{ seat: number, settled: boolean, others: Neighbor[] }} view
 * @returns {{ joins: Neighbor[], founds: boolean }}
 */
export function seek({ seat, settled, others }) {
  const belonging = others.filter((other) => other.standing === "belonging");
  const silent = others.filter((other) => !other.standing);
  if (belonging.length > 0) return { joins: belonging, founds: false };
  if (silent.length > 0) return { joins: silent.every((other) => other.late) ? silent : [], founds: false };
  return { joins: [], founds: settled && others.every((other) => seat < other.seat) };
}
