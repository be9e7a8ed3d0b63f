// Freezes a window whose browser has no command for it: its process is stopped, and with it
// page and Worker.
import { readFileSync, readdirSync } from "node:fs";

/** The processes below another one. @param {number} top @returns {number[]} */
function below(top) {
  const parents = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number)) {
    const stat = statOf(pid);
    if (stat) parents.set(pid, Number(stat[1]));
  }
  const all = [top];
  for (const pid of all) for (const [child, parent] of parents) if (parent === pid) all.push(child);
  return all.slice(1);
}

/** What the kernel says of a process, from its state on: see proc(5). @param {number} pid */
function statOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /s, "").split(" ");
  } catch {
    return undefined; // it has ended
  }
}

/** The processor time that a process has used, in ticks. @param {number} pid */
const used = (pid) => {
  const stat = statOf(pid);
  return stat ? Number(stat[11]) + Number(stat[12]) : 0;
};

/**
 * Stops the process of a window, which no other window may share: so its site must be its
 * own. It is that of the browser's which is busy while the page is.
 * @param {import("puppeteer-core").Page} tab @returns {Promise<() => void>} lets it go on
 */
export async function freeze(tab) {
  const processes = below(/** @type {number} */ (tab.browser().process()?.pid));
  const before = new Map(processes.map((pid) => [pid, used(pid)]));
  await tab.evaluate(() => {
    for (const end = performance.now() + 1_000; performance.now() < end; );
  });
  const busy = (pid) => used(pid) - (before.get(pid) ?? 0);
  const [pid] = processes.sort((a, b) => busy(b) - busy(a));
  process.kill(pid, "SIGSTOP");
  return () => {
    try {
      process.kill(pid, "SIGCONT");
    } catch (error) {
      if (error.code !== "ESRCH") throw error; // it has ended with its window
    }
  };
}
