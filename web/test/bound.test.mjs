// A file of tests that fails or hangs says last why; one that only does not exit has passed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** Runs a file of bound/ as make does, with other bounds. @param {string} file @param {Record<string, string>} bounds */
async function ran(file, bounds) {
  const { NODE_TEST_CONTEXT, ...env } = process.env; // not a part of this run
  const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
  const run = spawn(process.execPath, [path("run.mjs"), path(`bound/${file}.test.mjs`)], { env: { ...env, ...bounds } });
  let said = "";
  for (const stream of [run.stdout, run.stderr]) stream.on("data", (text) => (said += text));
  const code = await new Promise((resolve) => run.once("close", resolve)); // which it does once nobody writes there any more
  return { code, said };
}

test("a file that hangs fails with its name and what it waits for, and leaves no process", { timeout: 60_000 }, async () => {
  const { code, said } = await ran("hangs", { BALSA_FILE_LIMIT: "2000" });
  assert.equal(code, 1, said);
  assert.match(said, /hangs\.test\.mjs has not ended in 2 s: it is in or after "one that ends", and waits for a browser to close; what keeps it: /);
  assert.match(said, /^failed: hangs\.test\.mjs$/m);
});

test("a file that hears no timer is killed, and fails with its name", { timeout: 60_000 }, async () => {
  const { code, said } = await ran("spins", { BALSA_KILL_LIMIT: "2000" });
  assert.equal(code, 1, said);
  assert.match(said, /spins\.test\.mjs was killed: it has not ended in 2 s/);
  assert.match(said, /^failed: spins\.test\.mjs$/m);
});

test("a file that has said how its tests went and does not exit is killed, and has passed", { timeout: 60_000 }, async () => {
  const { code, said } = await ran("exits", { BALSA_EXIT_LIMIT: "1000" });
  assert.equal(code, 0, said);
  assert.match(said, /exits\.test\.mjs had said all this and did not exit in 1 s: its process was killed/);
  assert.match(said, /^all files: 1 pass, 0 fail, /m);
});

test("why a file failed is said once more at the end, after all files", { timeout: 60_000 }, async () => {
  const { code, said } = await ran("fails", {});
  assert.equal(code, 1, said);
  assert.match(said, /^failed: fails\.test\.mjs\n[^]*a door that does not open[^]*in vain for a key/m);
});
