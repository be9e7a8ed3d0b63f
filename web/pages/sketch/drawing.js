// What a drawing is, and how commands change it: the reducer that all windows run. What
// people do are acts, in the order of the log; undoing hides an act, and hides it for all.

/** Coordinates on the sheet are whole numbers from 0 to its size, exclusive. */
export const size = 4096;
/** Colours are numbers, which each window shows as its theme has them; this one takes away. */
export const eraser = -1;
export const colours = 8;
export const widths = [14, 30, 64, 140];

/** What a drawing may have; beyond it the oldest acts fade. */
const limits = { acts: 4_000, points: 100_000, people: 200, batch: 512, name: 24, news: 8 };

/**
 * @typedef {{ id: string, by: string, at: number, undone: boolean }} Act at: the entry that it began with
 * @typedef {Act & { colour: number, width: number, ended: boolean, points: number[], batches: number[] }} Stroke
 *   points: x and y in turn; batches: for each entry that brought points, its index and how many points there were after it
 * @typedef {Act & { wipe: true }} Wipe hides all that began before it
 * @typedef {{ at: number, by: string, what: "drew" | "erased" | "wiped" | "undid" | "redid" }} News
 * @typedef {object} Drawing
 * @property {(Stroke | Wipe)[]} acts oldest first
 * @property {Record<string, string>} people their names
 * @property {News[]} news what was agreed on last
 * @property {number} points how many all strokes have
 * @property {number} edition grows when something that was visible no longer is, or the other way round
 * @property {number} order a fingerprint of all commands in their order
 */
/**
 * @typedef {{ do: "draw", by: string, id: string, colour: number, width: number, points: number[], end: boolean } |
 *   { do: "wipe", by: string, id: string } | { do: "undo", by: string } | { do: "redo", by: string } |
 *   { do: "name", by: string, name: string }} Command
 *   draw begins a stroke, or adds to the one of that id until end
 */

/** @returns {Drawing} */
export const blank = () => ({ acts: [], people: {}, news: [], points: 0, edition: 0, order: 0 });

const isStroke = (/** @type {Stroke | Wipe} */ act) => "points" in act;

/** What can be seen: strokes that began after the last wipe. @param {Drawing} drawing @returns {Stroke[]} */
export function visible({ acts }) {
  const wiped = acts.findLastIndex((act) => !isStroke(act) && !act.undone);
  return /** @type {Stroke[]} */ (acts.slice(wiped + 1).filter((act) => isStroke(act) && !act.undone));
}

/** What undo and redo would be about. @param {Drawing} drawing @param {string} by */
export function steps({ acts }, by) {
  const own = acts.filter((act) => act.by === by);
  return { undo: own.findLast((act) => !act.undone), redo: own.find((act) => act.undone) };
}

/** Changes a drawing. It bears any command: who is in the room may send what they like. */
export function apply(/** @type {Drawing} */ drawing, /** @type {Command} */ command, /** @type {{ index: number }} */ { index }) {
  if (typeof command?.by !== "string" || command.by.length > 64) return false;
  const done = change(drawing, command, index);
  if (done) drawing.order = mixed(drawing.order, `${index} ${command.do} ${command.by}`);
  return done;
}

function change(/** @type {Drawing} */ drawing, /** @type {Command} */ command, /** @type {number} */ index) {
  switch (command.do) {
    case "draw":
      return draw(drawing, command, index);
    case "wipe":
      return wipe(drawing, command, index);
    case "undo":
    case "redo":
      return turn(drawing, command, index);
    case "name":
      return name(drawing, command);
  }
  return false;
}

/** FNV-1a, carried on. @param {number} hash @param {string} text */
function mixed(hash, text) {
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** @param {unknown} n */
const onSheet = (n) => Number.isInteger(n) && /** @type {number} */ (n) >= 0 && /** @type {number} */ (n) < size;

function draw(/** @type {Drawing} */ drawing, /** @type {any} */ { by, id, colour, width, points, end }, /** @type {number} */ index) {
  if (typeof id !== "string" || id.length > 64 || !Array.isArray(points) || points.length > limits.batch || points.length % 2 || !points.every(onSheet)) return false;
  let stroke = /** @type {Stroke | undefined} */ (drawing.acts.findLast((act) => act.id === id));
  if (!stroke) {
    if (!Number.isInteger(colour) || colour < eraser || colour >= colours || !widths.includes(width) || points.length === 0) return false;
    stroke = { id, by, at: index, undone: false, colour, width, ended: false, points: [], batches: [] };
    begin(drawing, stroke);
    tell(drawing, index, by, colour === eraser ? "erased" : "drew");
  }
  if (stroke.by !== by || !isStroke(stroke) || stroke.ended) return false;
  stroke.points.push(...points);
  stroke.batches.push(index, stroke.points.length / 2);
  stroke.ended = end === true;
  drawing.points += points.length / 2;
  fade(drawing);
  return true;
}

function wipe(/** @type {Drawing} */ drawing, /** @type {any} */ { by, id }, /** @type {number} */ index) {
  if (typeof id !== "string" || id.length > 64 || visible(drawing).length === 0) return false;
  begin(drawing, { id, by, at: index, undone: false, wipe: true });
  drawing.edition++;
  tell(drawing, index, by, "wiped");
  return true;
}

/** Who does something new cannot redo any more. */
function begin(/** @type {Drawing} */ drawing, /** @type {Stroke | Wipe} */ act) {
  remove(drawing, (other) => other.by === act.by && other.undone);
  drawing.acts.push(act);
}

function turn(/** @type {Drawing} */ drawing, /** @type {any} */ command, /** @type {number} */ index) {
  const { undo, redo } = steps(drawing, command.by);
  const act = command.do === "undo" ? undo : redo;
  if (!act) return false;
  act.undone = command.do === "undo";
  drawing.edition++;
  tell(drawing, index, command.by, act.undone ? "undid" : "redid");
  return true;
}

function name(/** @type {Drawing} */ drawing, /** @type {any} */ { by, name }) {
  const { people } = drawing;
  if (typeof name !== "string" || (!Object.hasOwn(people, by) && Object.keys(people).length >= limits.people)) return false;
  people[by] = name.trim().slice(0, limits.name);
  return true;
}

function tell(/** @type {Drawing} */ drawing, /** @type {number} */ at, /** @type {string} */ by, /** @type {News["what"]} */ what) {
  drawing.news.push({ at, by, what });
  if (drawing.news.length > limits.news) drawing.news.shift();
}

/** The oldest acts go when there are too many. */
function fade(/** @type {Drawing} */ drawing) {
  const { acts } = drawing;
  if (drawing.points <= limits.points && acts.length <= limits.acts) return;
  // Some more than need be, so that it is not each new point's work.
  let points = drawing.points - 0.9 * limits.points;
  let many = acts.length - 0.9 * limits.acts;
  const stays = acts.findIndex((act) => {
    if (points <= 0 && many <= 0) return true;
    points -= isStroke(act) ? act.points.length / 2 : 0;
    many--;
    return false;
  });
  const gone = new Set(acts.slice(0, stays < 0 ? acts.length : stays));
  remove(drawing, (act) => gone.has(act));
  drawing.edition++;
}

function remove(/** @type {Drawing} */ drawing, /** @type {(act: Stroke | Wipe) => boolean} */ leaves) {
  const stay = drawing.acts.filter((act) => !leaves(act));
  if (stay.length === drawing.acts.length) return;
  drawing.acts = stay;
  drawing.points = stay.reduce((sum, act) => sum + (isStroke(act) ? act.points.length / 2 : 0), 0);
}
