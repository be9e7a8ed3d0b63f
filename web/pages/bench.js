// Writes as fast as the windows take them, and says how fast that was.
import { open, version } from "./balsa/balsa.js";
import { Chart } from "./chart.js";
import { introducer, linkTo, offerCopy, sentence, show, whichRoom } from "./here.js";
import { offerRecovery } from "./lost.js";

const find = (/** @type {string} */ selector) => /** @type {any} */ (document.querySelector(selector));
const here = whichRoom();
const round = (/** @type {number} */ n) => (n >= 100 ? Math.round(n).toLocaleString("en") : n.toFixed(n >= 10 ? 1 : 2));

const environment = [
  `balsa ${version}`, navigator.userAgent, `${navigator.hardwareConcurrency} cores`, new Date().toISOString().slice(0, 10),
].join("\n");
find("#environment").textContent = environment;

/** The value below which a share of the sorted values lies. */
const percentile = (/** @type {Float64Array} */ sorted, /** @type {number} */ share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;

const tick = 250; // ms; drawing more often would take a part of what is measured
const chart = new Chart(find("canvas"), { tick, unit: "writes/s" });

/** Shows how it goes. @param {{ rate: number, p50: number, p99: number, count: number, failed: number }} figures */
function showFigures({ rate, p50, p99, count, failed }) {
  find("#rate").textContent = round(rate);
  find("#p50").textContent = round(p50);
  find("#p99").textContent = round(p99);
  find("#count").textContent = count.toLocaleString("en");
  find("#failed").textContent = failed.toLocaleString("en");
}

/**
 * Writes with so many outstanding for so long, or until there were so many.
 * @param {import("./balsa/balsa.js").Member<any, string, void>} member
 * @param {{ outstanding: number, bytes: number, seconds: number, most?: number }} load
 */
export async function run(member, { outstanding, bytes, seconds, most = Infinity }) {
  // A command is JSON: two quotes and the text.
  const command = "x".repeat(Math.max(bytes - 2, 1));
  const latencies = new Float64Array(1 << 20); // of the latest million
  let count = 0;
  let begun = 0;
  let failed = 0;
  let counted = 0;
  const start = performance.now();
  const end = start + 1000 * seconds;
  /** @type {number[]} */
  const perTick = [];
  const watch = setInterval(() => {
    perTick.push(count - counted);
    counted = count;
    const at = count % latencies.length;
    const latest = latencies.slice(Math.max(0, at - 5000), at).sort();
    showFigures({ rate: (count / (performance.now() - start)) * 1000, p50: percentile(latest, 0.5), p99: percentile(latest, 0.99), count, failed });
    chart.show(perTick);
  }, tick);
  const write = async () => {
    while (begun < most && performance.now() < end) {
      begun++;
      const began = performance.now();
      try {
        await member.propose(command);
        latencies[count++ % latencies.length] = performance.now() - began;
      } catch {
        failed++;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  };
  await Promise.all(Array.from({ length: outstanding }, write));
  clearInterval(watch);
  const took = (performance.now() - start) / 1000;
  const sorted = latencies.slice(0, Math.min(count, latencies.length)).sort();
  const result = {
    outstanding, bytes, from: member.status.role, windows: member.status.members.length, durable: member.status.durable,
    rate: count / took, p50: percentile(sorted, 0.5), p90: percentile(sorted, 0.9), p99: percentile(sorted, 0.99), count, failed,
  };
  showFigures(result);
  return result;
}

/** @type {Awaited<ReturnType<typeof run>>[]} */
const results = [];

function list(/** @type {Awaited<ReturnType<typeof run>>} */ r) {
  const row = document.createElement("tr");
  for (const text of [r.outstanding, `${r.bytes} B`, `${r.from}, 1 of ${r.windows}`, round(r.rate), round(r.p50), round(r.p90), round(r.p99), r.failed]) {
    const cell = document.createElement("td");
    cell.textContent = String(text);
    row.append(cell);
  }
  find("tbody").append(row);
}

offerCopy(find(".copy"), "The results", () => JSON.stringify({ environment, results }, null, 1));
offerCopy(find(".invite"), "The link to this cluster", () => linkTo(here, "/bench.html"));

try {
  const member = await open({
    ...here, room: `${here.room}/bench`, introducer, name: "bench", initial: { writes: 0, bytes: 0 },
    apply: (/** @type {{ writes: number, bytes: number }} */ state, /** @type {string} */ text) => {
      state.writes++;
      state.bytes += text.length;
    },
    watch: (status) => show(find(".strip"), status),
  });
  offerRecovery(find(".strip"), member);
  const go = find(".go");
  go.disabled = false;
  find("form").addEventListener("submit", async (/** @type {any} */ event) => {
    event.preventDefault();
    const load = Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, Number(value)]));
    go.disabled = true;
    const result = await run(member, /** @type {any} */ (load));
    results.push(result);
    list(result);
    go.disabled = false;
  });
  Object.assign(globalThis, { member, run });
} catch (/** @type {any} */ error) {
  find(".problem").textContent = sentence(error.message);
  find(".problem").hidden = false;
  find(".state").textContent = "This window is not open.";
  find(".state").className = "state stopped";
}
