// Numbers as people read them.

const whole = new Intl.NumberFormat("en");

export const count = (n) => whole.format(Math.round(n));

/** @param {number} n a rate */
export const rate = (n) => (n >= 100 ? count(n) : n >= 10 ? n.toFixed(0) : n.toFixed(n ? 1 : 0));

/** @param {number} ms */
export function time(ms) {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(0)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 10) return `${ms.toFixed(0)} ms`;
  if (ms >= 1) return `${ms.toFixed(1)} ms`;
  return `${ms.toFixed(2)} ms`;
}

/** @param {number} n */
export function bytes(n) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (n < 1024 || unit === "GiB") return `${n < 10 && unit !== "B" ? n.toFixed(1) : n.toFixed(0)} ${unit}`;
    n /= 1024;
  }
  return "";
}

/** @param {number} at milliseconds since 1970 */
export const clock = (at) => new Date(at).toLocaleTimeString("en-GB");

/** @param {number} n @param {string} one */
export const plural = (n, one, more = `${one}s`) => `${count(n)} ${n === 1 ? one : more}`;
