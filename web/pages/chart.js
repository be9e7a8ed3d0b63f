// How much was done in each tick of a run, as a line.

export class Chart {
  /** @param {HTMLCanvasElement} canvas @param {{ tick: number, unit: string }} how tick: milliseconds between two values; unit: of what is done, in a second */
  constructor(canvas, { tick, unit }) {
    this.canvas = canvas;
    this.tick = tick;
    this.unit = unit;
    /** @type {number[]} */
    this.values = [];
    // What is drawn has the size and the colours of the moment.
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** @param {number[]} values how much was done in each tick */
  show(values) {
    this.values = values;
    this.draw();
  }

  draw() {
    const { width, height } = this.canvas.getBoundingClientRect();
    const scale = devicePixelRatio || 1;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    const pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    pen.scale(scale, scale);
    if (this.values.length === 0) return;
    const style = getComputedStyle(document.documentElement);
    const most = Math.max(...this.values, 1);
    const [top, bottom] = [22, height - 20];
    pen.font = "12px system-ui";
    pen.fillStyle = style.getPropertyValue("--faint");
    pen.fillText(`${Math.round((most * 1000) / this.tick).toLocaleString("en")} ${this.unit}`, 0, 12);
    pen.fillText("0 s", 0, height - 4);
    pen.textAlign = "right";
    pen.fillText(`${Math.round((this.values.length * this.tick) / 1000)} s`, width, height - 4);
    pen.strokeStyle = style.getPropertyValue("--line");
    for (const y of [top, bottom]) pen.strokeRect(0, y, width, 0);
    pen.strokeStyle = style.getPropertyValue("--wood");
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.beginPath();
    this.values.forEach((n, i) => pen.lineTo((i / Math.max(this.values.length - 1, 1)) * width, bottom - (n / most) * (bottom - top)));
    pen.stroke();
  }
}
