// Puts a drawing onto canvases. Points are painted in the order of the log, whoever they
// are of: so all windows show the same where lines cross, and where they were erased.
import { eraser, size, visible } from "./drawing.js";

/**
 * @typedef {import("./drawing.js").Drawing} Drawing
 * @typedef {import("./drawing.js").Stroke} Stroke
 * @typedef {{ at: number, stroke: Stroke, from: number, to: number, last: boolean }} Piece what one entry brought
 */

/** All that is visible, in the order of the log, of entries after one. @param {Drawing} drawing @param {number} after @returns {Piece[]} */
export function pieces(drawing, after = 0) {
  /** @type {Piece[]} */
  const all = [];
  for (const stroke of visible(drawing)) {
    const { batches, ended } = stroke;
    if (batches[batches.length - 2] <= after) continue;
    for (let i = 0, from = 0; i < batches.length; from = batches[i + 1], i += 2) {
      if (batches[i] > after) all.push({ at: batches[i], stroke, from, to: batches[i + 1], last: ended && i === batches.length - 2 });
    }
  }
  return all.sort((a, b) => a.at - b.at);
}

/**
 * A line through the middles between points, bent towards the points, from where the last
 * one ended.
 * @param {CanvasRenderingContext2D} pen @param {number[]} points @param {number} from @param {number} to @param {boolean} last
 */
function trace(pen, points, from, to, last) {
  const x = (/** @type {number} */ i) => points[2 * i];
  const y = (/** @type {number} */ i) => points[2 * i + 1];
  const middle = (/** @type {number} */ i) => /** @type {const} */ ([(x(i - 1) + x(i)) / 2, (y(i - 1) + y(i)) / 2]);
  if (from === 0) {
    pen.beginPath();
    pen.arc(x(0), y(0), pen.lineWidth / 2, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.beginPath();
  if (from < 2) pen.moveTo(x(0), y(0));
  else pen.moveTo(...middle(from - 1));
  for (let i = Math.max(from, 1); i < to; i++) {
    if (i === 1) pen.lineTo(...middle(1));
    else pen.quadraticCurveTo(x(i - 1), y(i - 1), ...middle(i));
  }
  if (last) pen.lineTo(x(to - 1), y(to - 1));
  pen.stroke();
}

export class Easel {
  /**
   * @param {HTMLCanvasElement} sheet shows what was agreed on
   * @param {HTMLCanvasElement} draft shows what was not yet
   */
  constructor(sheet, draft) {
    this.sheet = sheet;
    this.draft = draft;
    /** The last entry that is on the sheet, and of which edition it is. */
    this.painted = 0;
    this.edition = -1;
    /** How the theme shows each colour. @type {string[]} */
    this.inks = [];
    /** @type {() => void} */
    this.onresize = () => {};
    this.takeTheme();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (this.takeTheme(), this.anew()));
    new ResizeObserver(() => this.fit()).observe(sheet);
    this.fit();
  }

  /** @private */
  takeTheme() {
    const style = getComputedStyle(this.sheet);
    this.inks = Array.from({ length: 8 }, (_, i) => style.getPropertyValue(`--ink-${i}`));
    this.paper = style.getPropertyValue("--sheet");
  }

  /** @private */
  fit() {
    const width = Math.max(1, Math.round(this.sheet.clientWidth * (devicePixelRatio || 1)));
    if (width === this.sheet.width) return;
    for (const canvas of [this.sheet, this.draft]) canvas.width = canvas.height = width;
    this.anew();
  }

  /** @private */
  anew() {
    this.edition = -1;
    this.onresize();
  }

  /** @private @param {HTMLCanvasElement} canvas */
  pen(canvas) {
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.setTransform(canvas.width / size, 0, 0, canvas.width / size, 0, 0);
    pen.lineCap = pen.lineJoin = "round";
    return pen;
  }

  /** @private @param {CanvasRenderingContext2D} pen @param {{ colour: number, width: number }} how */
  take(pen, { colour, width }) {
    pen.globalCompositeOperation = colour === eraser ? "destination-out" : "source-over";
    pen.strokeStyle = pen.fillStyle = colour === eraser ? "#000" : this.inks[colour];
    pen.lineWidth = width;
  }

  /** Paints what is new, or all if something went. @param {Drawing} drawing */
  paint(drawing) {
    if (drawing.edition !== this.edition) {
      this.clear(this.sheet);
      this.painted = 0;
      this.edition = drawing.edition;
    }
    const fresh = pieces(drawing, this.painted);
    this.add(fresh);
    this.painted = fresh.at(-1)?.at ?? this.painted;
  }

  /** Paints the first of a drawing's pieces alone. @param {Piece[]} all */
  look(all) {
    this.clear(this.sheet);
    this.edition = -1;
    this.add(all);
  }

  /** @private @param {Piece[]} all */
  add(all) {
    const pen = this.pen(this.sheet);
    for (const { stroke, from, to, last } of all) {
      this.take(pen, stroke);
      trace(pen, stroke.points, from, to, last);
    }
  }

  /** Paints what was not agreed on yet, paler. @param {{ colour: number, width: number, points: number[], agreed: number }[]} strokes agreed: how many of its points are on the sheet */
  sketch(strokes) {
    this.clear(this.draft);
    const pen = this.pen(this.draft);
    for (const stroke of strokes) {
      const many = stroke.points.length / 2;
      if (stroke.agreed >= many) continue;
      this.take(pen, stroke);
      pen.globalCompositeOperation = "source-over";
      if (stroke.colour === eraser) pen.strokeStyle = pen.fillStyle = this.paper ?? "";
      pen.globalAlpha = stroke.colour === eraser ? 1 : 0.6;
      trace(pen, stroke.points, stroke.agreed, many, true);
      pen.globalAlpha = 1;
    }
  }

  /** @private @param {HTMLCanvasElement} canvas */
  clear(canvas) {
    const pen = this.pen(canvas);
    pen.globalCompositeOperation = "source-over";
    pen.clearRect(0, 0, size, size);
  }

  /** The drawing on its paper, as a PNG. @returns {Promise<Blob | null>} */
  picture() {
    const whole = document.createElement("canvas");
    whole.width = whole.height = this.sheet.width;
    const pen = /** @type {CanvasRenderingContext2D} */ (whole.getContext("2d"));
    pen.fillStyle = this.paper ?? "";
    pen.fillRect(0, 0, whole.width, whole.height);
    pen.drawImage(this.sheet, 0, 0);
    return new Promise((resolve) => whole.toBlob(resolve));
  }
}
