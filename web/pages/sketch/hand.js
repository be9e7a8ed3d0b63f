// A person's hand: pointers, as many as there are, or the keyboard, make strokes; each goes
// to the log in batches while it is drawn.
import { size } from "./drawing.js";

/** @typedef {{ colour: number, width: number }} Tool */

/** Points nearer to each other than this make no line. */
const nearest = 7;
/** How many numbers go in one command, and how soon the next one may. */
const most = 256;
const pace = 30; // ms

/** A stroke in the making. */
class Stroke {
  /** @param {Tool} tool @param {string} by @param {(command: any) => Promise<any>} propose */
  constructor({ colour, width }, by, propose) {
    this.id = crypto.randomUUID();
    this.by = by;
    this.colour = colour;
    this.width = width;
    this.propose = propose;
    /** @type {number[]} */
    this.points = [];
    this.ended = false;
    /** How many points the drawing has; who paints it says so. */
    this.agreed = 0;
    /** Kept once all of it was agreed on, or will never be. @type {Promise<void> | undefined} */
    this.sent = undefined;
  }

  /** @param {number} x @param {number} y */
  add(x, y) {
    const { points } = this;
    const [nearX, nearY] = points.slice(-2);
    if (points.length > 0 && Math.hypot(x - nearX, y - nearY) < nearest) return;
    points.push(x, y);
    if (this.sent) return;
    this.sent = this.send();
    this.sent.catch(() => {}); // who proposes says why
  }

  /**
   * Sends what there is, and then what has come meanwhile: one command at a time, so that
   * points keep their order, and no more than the log takes.
   * @private
   */
  async send() {
    for (let sent = 0, end = false; !end; await new Promise((resolve) => setTimeout(resolve, pace))) {
      const points = this.points.slice(sent, sent + most);
      end = this.ended && sent + points.length === this.points.length;
      if (points.length === 0 && !end) continue;
      await this.propose({ do: "draw", by: this.by, id: this.id, colour: this.colour, width: this.width, points, end });
      sent += points.length;
    }
  }
}

export class Hand {
  /**
   * @param {HTMLElement} sheet what is drawn on
   * @param {HTMLElement} crosshair shows where the keyboard's pen is
   * @param {{ tool: () => Tool, by: string, propose: (command: any) => Promise<any>, onchange: () => void }} how propose breaks
   *   its promise if the command will not be
   */
  constructor(sheet, crosshair, how) {
    this.sheet = sheet;
    this.crosshair = crosshair;
    this.how = how;
    /** Strokes that are not agreed on to their end. @type {Set<Stroke>} */
    this.strokes = new Set();
    /** Those that a pointer or the keyboard holds. @type {Map<number | "keys", Stroke>} */
    this.held = new Map();
    this.at = { x: size / 2, y: size / 2 };
    sheet.addEventListener("pointerdown", (event) => this.down(event));
    sheet.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      sheet.addEventListener(end, (event) => this.lift(/** @type {PointerEvent} */ (event).pointerId));
    }
    sheet.addEventListener("keydown", (event) => this.key(event));
    sheet.addEventListener("blur", () => this.lift("keys"));
  }

  /** @private @param {number | "keys"} key */
  begin(key) {
    this.lift(key);
    const stroke = new Stroke(this.how.tool(), this.how.by, this.how.propose);
    this.held.set(key, stroke);
    this.strokes.add(stroke);
    return stroke;
  }

  /** @private @param {number | "keys"} key */
  lift(key) {
    const stroke = this.held.get(key);
    if (!stroke) return;
    this.held.delete(key);
    stroke.ended = true;
    this.crosshair.classList.remove("down");
    // What will not be agreed on goes from the draft, too.
    stroke.sent?.catch(() => {}).then(() => (this.strokes.delete(stroke), this.how.onchange()));
  }

  /** Lifts all pens, and waits until what they drew is in the log. */
  async rest() {
    for (const key of [...this.held.keys()]) this.lift(key);
    await Promise.allSettled([...this.strokes].map((stroke) => stroke.sent));
  }

  /** Where on the sheet an event is. @private @param {PointerEvent} event */
  place({ clientX, clientY }) {
    const { left, top, width } = this.sheet.getBoundingClientRect();
    const whole = (/** @type {number} */ n) => Math.min(size - 1, Math.max(0, Math.round((n / width) * size)));
    return /** @type {const} */ ([whole(clientX - left), whole(clientY - top)]);
  }

  /** @private @param {PointerEvent} event */
  down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.sheet.focus({ preventScroll: true });
    try {
      this.sheet.setPointerCapture(event.pointerId);
    } catch {
      // It is up again already.
    }
    this.crosshair.hidden = true;
    this.begin(event.pointerId).add(...this.place(event));
    this.how.onchange();
  }

  /** @private @param {PointerEvent} event */
  move(event) {
    const stroke = this.held.get(event.pointerId);
    if (!stroke) return;
    // A fast pointer is asked for all the places that it was at.
    const all = event.getCoalescedEvents?.() ?? [];
    for (const at of all.length > 0 ? all : [event]) stroke.add(...this.place(at));
    this.how.onchange();
  }

  /** @private @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 16 : 64;
    const way = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
    if (way) {
      const within = (/** @type {number} */ n) => Math.min(size - 1, Math.max(0, n));
      this.at = { x: within(this.at.x + way[0]), y: within(this.at.y + way[1]) };
      this.held.get("keys")?.add(this.at.x, this.at.y);
    } else if (event.key === " " || event.key === "Enter") {
      if (this.held.has("keys")) this.lift("keys");
      else this.begin("keys").add(this.at.x, this.at.y);
    } else if (event.key === "Escape") this.lift("keys");
    else return;
    event.preventDefault();
    this.crosshair.hidden = false;
    this.crosshair.classList.toggle("down", this.held.has("keys"));
    this.crosshair.style.translate = `${(100 * this.at.x) / size}cqw ${(100 * this.at.y) / size}cqw`;
    this.how.onchange();
  }
}
