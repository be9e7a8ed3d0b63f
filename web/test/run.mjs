// Runs files of tests, each in a process of its own, two at a time, and prints what each said
// once it has ended:
//
//   node test/run.mjs test/*.test.mjs
//
// node --test would wait without end for a process that hangs while it exits
// (https://github.com/nodejs/node/issues/54918), and for one whose output it cannot take
// apart (https://github.com/nodejs/node/issues/62693).
import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";
import { limit } from "./bound.mjs";

const together = 2;

/** A file ends itself at its limit, and says why; who does not even do that is ended. BALSA_KILL_LIMIT is another bound. */
const last = Number(process.env.BALSA_KILL_LIMIT ?? limit + 90_000);

/** How long a process may take to exit once it has said how its tests went. BALSA_EXIT_LIMIT is another bound. */
const exiting = Number(process.env.BALSA_EXIT_LIMIT ?? 30_000);

/** The files whose tests did not all pass, and what each said of them. @type {Map<string, string>} */
const failed = new Map();
const sums = { pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 };

/** What a file says at its end, by the spec reporter; undefined before. @param {string} output */
function summary(output) {
  const counts = /^ℹ tests \d+\n[^]*?^ℹ duration_ms .*\n/m.exec(output)?.[0];
  return counts && Object.fromEntries(Object.keys(sums).map((kind) => [kind, Number(new RegExp(`^ℹ ${kind} (\\d+)$`, "m").exec(counts)?.[1])]));
}

/** @param {string} file */
async function run(file) {
  const start = Date.now();
  const child = spawn(process.execPath, ["--test-reporter=spec", file], { stdio: ["ignore", "pipe", "pipe"] });
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  const closed = once(child, "close");
  let output = "", note = "";
  /** @type {NodeJS.Timeout | undefined} */
  let exits;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
      if (summary(output)) exits ??= setTimeout(end, exiting);
    });
  }
  const bound = setTimeout(() => {
    note = `${basename(file)} was killed: it has not ended in ${last / 1000} s, and did not say why\n`;
    end();
  }, last);
  const [code, signal] = await once(child, "exit");
  for (const timer of [bound, exits]) clearTimeout(timer);
  process.off("exit", end);
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 1000).unref())]); // who it left behind may keep its pipes
  const counts = summary(output);
  const passed = counts && counts.fail + counts.cancelled === 0;
  if (signal && counts && !note) note = `${basename(file)} had said all this and did not exit in ${exiting / 1000} s: its process was killed\n`;
  for (const kind of Object.keys(sums)) sums[kind] += counts?.[kind] ?? 0;
  if (!passed || (code !== 0 && !signal)) failed.set(basename(file), (/^✖ failing tests:\n[^]*/m.exec(output)?.[0] ?? output.slice(-4000)) + note);
  process.stdout.write(`${basename(file)}, ${((Date.now() - start) / 1000).toFixed(1)} s\n${output}${note}\n`);
}

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("run.mjs: no file of tests was named, so nothing was tested: node test/run.mjs test/*.test.mjs");
  process.exit(2);
}
await Promise.all(Array.from({ length: together }, async () => {
  for (let file = files.shift(); file; file = files.shift()) await run(file);
}));
console.log(`all files: ${Object.entries(sums).map(([kind, n]) => `${n} ${kind}`).join(", ")}`);
for (const [file, why] of failed) console.log(`failed: ${file}\n${why}`); // once more and last, where whoever sees only an end looks
process.exit(failed.size > 0 ? 1 : 0);
