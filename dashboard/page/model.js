// What is known of the members, from the frames: each view reads it, none writes.

/** How old, in milliseconds, a report or a contact may be before it counts as silence. */
export const silence = 1500;

const palette = 7;

export const model = {
  self: "",
  /** The clock of the page's member, against this one's, in milliseconds. */
  skew: 0,
  /** All members that are known, in order of their names. @type {any[]} */
  members: [],
  /** Where members may be hurt. @type {any} */
  stage: null,
  admin: false,
  /** The term and leader that most members that answer agree on. */
  leader: "",
  term: 0,
};

/** Takes a frame in. @param {any} frame */
export function take(frame) {
  model.self = frame.self;
  model.skew = frame.now - Date.now();
  model.stage = frame.stage ?? null;
  model.admin = frame.admin;
  const members = new Map();
  for (const report of frame.reports) {
    for (const seat of report.seats ?? []) {
      if (!members.has(seat.id)) members.set(seat.id, { id: seat.id, name: seat.name, seat: seat.role, report: null });
    }
  }
  for (const report of frame.reports) {
    const member = members.get(report.id) ?? { id: report.id, name: report.name, seat: "", report: null };
    member.report = report;
    if (!model.stage || !sameNamed(members, member)) members.set(report.id, member);
  }
  for (const actor of model.stage?.members ?? []) {
    const member = [...members.values()].find((m) => m.name === actor.name && m.report) ?? [...members.values()].find((m) => m.name === actor.name);
    if (member) member.actor = actor;
  }
  model.members = [...members.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  model.members.forEach((m, i) => (m.colour = `var(--m${i % palette})`));
  elect();
}

/** Whether another member of the same name is there: one that came back with another identity. */
function sameNamed(members, member) {
  for (const [id, other] of members) {
    if (other.name === member.name && id !== member.id) {
      if (other.report) return true;
      members.delete(id);
    }
  }
  return false;
}

/** Whether a member answers: to the page's own, or to the stage that holds all. */
export const answers = (m) => !!m.report && !m.report.stopped && m.report.age < silence && (!m.actor || m.actor.state === "running");

/** Finds whom the members that answer take for the leader, in the newest term. */
function elect() {
  model.leader = "";
  model.term = 0;
  for (const m of model.members) {
    if (!answers(m)) continue;
    if (m.report.term > model.term || (m.report.term === model.term && !model.leader)) {
      model.term = m.report.term;
      model.leader = m.report.leader;
    }
  }
}

/** @param {string} name */
export const named = (name) => model.members.find((m) => m.name === name);

export const leader = () => named(model.leader);

/** Why the page's own member cannot be asked, though something answers in its place; "" if it can. */
export function absence() {
  const m = named(model.self);
  const others = model.members.filter((other) => other !== m && answers(other)).map((other) => other.name);
  const elsewhere = others.length ? `, or ask on the page of ${others.join(" or ")}` : "";
  switch (m?.actor?.state) {
    case "stopped": return `${m.name} is stopped: start it above${elsewhere}.`;
    case "starting": return `${m.name} is starting: it answers in a moment.`;
    case "stopping": return `${m.name} is being stopped.`;
  }
  return "";
}

/** What a member is, in a word that people know. */
export function role(m) {
  if (m.actor && m.actor.state !== "running") return m.actor.state;
  if (m.report?.stopped) return "stopped";
  if (!m.report || m.report.age >= silence) return m.report ? "silent" : "unknown";
  return m.report.role;
}

/** Whether b is heard by a: true, false, or undefined if nobody can tell. */
export function hears(a, b) {
  if (!answers(a)) return undefined;
  const contact = a.report.hears?.find((c) => c.id === b.id);
  if (!contact) return a.report.hears?.length ? false : undefined;
  return contact.age < silence + a.report.age;
}

/** Whether anybody hears a member: one that answers nobody is dead, or far away. */
export const alive = (m) => answers(m) || (m.actor?.state ?? "running") === "running" && model.members.some((other) => other !== m && hears(other, m));

/** The round trip between two members as a feels it, in milliseconds; 0 if not known. */
export const roundTrip = (a, b) => (a.report?.hears?.find((c) => c.id === b.id)?.rtt ?? 0) / 1000;
