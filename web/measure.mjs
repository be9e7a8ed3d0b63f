// What three windows of one browser do on this machine:
//
//   node measure.mjs [chromium | firefox] [open | failover | reload | writes | long]...
//                    [--seconds of each load] [--before reload] [--commands of the long run]
//
// The parts run in this order on one new profile; without one named, all do but the long
// one. Each takes less than three minutes, the long one at 10,000 writes/s, and can be run
// by itself. A browser compiles what is used much once more: fresh is before that.
import { readdirSync, readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { launch, launchFirefox } from "./test/browser.mjs";
import { pause, stage, until } from "./test/stage.mjs";

const number = (/** @type {string} */ usual) => /** @type {const} */ ({ type: "string", default: usual });
const { positionals: [which = "chromium", ...named], values } = parseArgs({
  allowPositionals: true, options: { seconds: number("3"), before: number("100000"), commands: number("1000000") },
});
const seconds = Number(values.seconds);
/** How many commands are there before windows are reloaded. */
const before = Number(values.before);
const commands = Number(values.commands);
const bytes = 64;
/** How often what is over at once is measured. */
const times = 3;

const since = (/** @type {number} */ start) => Math.round(performance.now() - start);
const thousands = (/** @type {number} */ n) => Math.round(n).toLocaleString("en");
const say = (/** @type {string} */ line) => console.log(line);

/** Three windows of one room on three origins. */
class Windows {
  constructor(world, pid) {
    this.world = world;
    this.pid = pid;
    this.link = "/bench.html#" + new URLSearchParams({ room: "measured", secret: crypto.randomUUID() });
    /** By port. @type {import("puppeteer-core").Page[]} */
    this.tabs = [];
  }

  static async start() {
    let pid = 0;
    const world = await stage(async () => {
      const started = await (which === "firefox" ? launchFirefox : launch)();
      pid = started.browser.process()?.pid ?? 0;
      return started;
    });
    return new Windows(world, pid);
  }

  /** Opens the window of a port, and tells after how many milliseconds it has read what all have. @param {number} port */
  async open(port) {
    const start = performance.now();
    this.tabs[port] = await this.world.page(port, this.link, { window: which !== "firefox" });
    await ready(this.tabs[port]);
    return since(start);
  }

  async openAll() {
    for (const port of [0, 1, 2]) if (!this.tabs[port]) await this.open(port);
    await this.settled();
  }

  /** All three vote. */
  async settled() {
    for (const tab of this.tabs) await until(tab, "three voters", () => globalThis.member.status.members.filter((m) => m.role === "voter").length === 3);
  }

  /** The port of a window in a role. @param {"leader" | "follower"} role */
  async in(role) {
    for (;; await pause(50)) {
      const roles = await Promise.all(this.tabs.map((tab) => tab.evaluate(() => globalThis.member.status.role)));
      if (roles.includes(role)) return roles.indexOf(role);
    }
  }

  /** @param {"leader" | "follower"} role @param {{ outstanding: number, seconds?: number, most?: number }} load */
  async run(role, load) {
    const tab = this.tabs[await this.in(role)];
    return tab.evaluate((load) => globalThis.run(globalThis.member, load), { bytes, seconds, ...load });
  }

  /** Writes so many commands from the leader, and says how long that took. @param {number} count */
  async write(count) {
    const start = performance.now();
    let failed = 0;
    for (let written = 0; written < count;) {
      const result = await this.run("leader", { outstanding: 1024, seconds: 20, most: count - written });
      written += result.count;
      failed += result.failed;
    }
    return { took: since(start), failed };
  }

  async close() {
    await this.world.close();
  }
}

/** Waits until a window has read what all have. @param {import("puppeteer-core").Page} tab */
async function ready(tab) {
  await until(tab, "an open window", () => globalThis.member?.status.leader && globalThis.member.status.role !== "joining");
  return tab.evaluate(() => globalThis.member.read((state) => state.writes));
}

/** @type {Record<string, (windows: Windows) => Promise<void>>} */
const parts = {
  async open(windows) {
    await windows.open(0);
    say(`new window, cluster running, up to its first read: ${await windows.open(1)} ms, ${await windows.open(2)} ms`);
    await windows.settled();
    for (let again = 0; again < times; again++) {
      const port = again % 3;
      await windows.tabs[port].close();
      say(`closed and opened again: ${await windows.open(port)} ms`);
    }
  },

  async failover(windows) {
    await windows.openAll();
    for (let again = 0; again < times; again++) {
      const leader = await windows.in("leader");
      const other = windows.tabs[(leader + 1) % 3];
      const start = performance.now();
      await windows.tabs[leader].close();
      await other.evaluate(async () => {
        const soon = () => new Promise((resolve) => setTimeout(resolve, 10));
        while (!(await globalThis.member.propose("x").then(() => true, soon)));
      });
      say(`from the leader's window being closed to the next acknowledged write: ${since(start)} ms`);
      await windows.open(leader);
      await windows.settled();
    }
  },

  async reload(windows) {
    await windows.openAll();
    await windows.write(before);
    for (const tab of windows.tabs) {
      const start = performance.now();
      await tab.reload();
      const writes = await ready(tab);
      say(`reloaded after ${thousands(writes)} commands, up to a read that sees them all: ${since(start)} ms`);
    }
  },

  async writes(windows) {
    await windows.openAll();
    const show = (/** @type {string} */ when, /** @type {any} */ r) =>
      say(`${when}, ${thousands(r.outstanding)} outstanding: ${thousands(r.rate)} writes/s, p50 ${r.p50.toFixed(1)} ms, p99 ${r.p99.toFixed(1)} ms, ${r.failed} failed`);
    for (const outstanding of [1, 64]) show("leader, fresh", await windows.run("leader", { outstanding }));
    for (const role of /** @type {const} */ (["leader", "follower"])) {
      for (const outstanding of [1, 64, 1024]) show(role, await windows.run(role, { outstanding }));
    }
  },

  async long(windows) {
    await windows.openAll();
    const step = Math.min(commands, 250_000);
    for (let written = step; written <= commands; written += step) {
      const { took, failed } = await windows.write(step);
      const stored = await Promise.all(windows.tabs.map(taken));
      say(`${thousands(written)} commands: ${thousands(step / took * 1000)} writes/s, ${failed} failed; each window's files ${stored.map((w) => w.files).join(", ")} MB,`
        + ` heap ${stored.map((w) => w.heap).join(", ")} MB; the browser's processes ${resident(windows.pid)} MB`);
    }
  },
};

/** What a window takes, in MB: of storage, and of memory where the browser tells it. @param {import("puppeteer-core").Page} tab */
const taken = (tab) => tab.evaluate(async () => {
  const { usage = 0 } = await navigator.storage.estimate();
  const memory = /** @type {any} */ (performance).memory?.usedJSHeapSize ?? NaN;
  return { files: Math.round(usage / 1e6), heap: Math.round(memory / 1e6) };
});

/** What a process and its descendants have in memory, in MB, shared pages counted by share; NaN where /proc does not tell. @param {number} root */
function resident(root) {
  try {
    const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
      try {
        const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, "utf8"));
        return [{ pid: Number(name), parent: Number(parent?.[1]) }];
      } catch {
        return []; // it has just ended
      }
    });
    const family = new Set([root]);
    for (let size = 0; size < family.size;) {
      size = family.size;
      for (const { pid, parent } of processes) if (family.has(parent)) family.add(pid);
    }
    let kilobytes = 0;
    for (const pid of family) kilobytes += Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    return Math.round(kilobytes / 1e3);
  } catch {
    return NaN;
  }
}

const unknown = named.find((name) => !(name in parts));
if (unknown || !["chromium", "firefox"].includes(which)) throw new Error(`${unknown ?? which} is not measured: see the top of measure.mjs`);
say(`${which}, three windows, ${cpus().length} cores, load ${loadavg()[0].toFixed(1)}, ${bytes} B a command, ${new Date().toISOString().slice(0, 16)}`);
const windows = await Windows.start();
try {
  for (const [name, part] of Object.entries(parts)) {
    if (named.length > 0 ? named.includes(name) : name !== "long") await part(windows);
  }
} finally {
  await windows.close();
}
