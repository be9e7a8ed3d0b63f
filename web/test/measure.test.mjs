// The script that measures runs, in small: what it says is no measure here.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { command } from "./built.mjs";
import { patience } from "./stage.mjs";

const web = dirname(dirname(fileURLToPath(import.meta.url)));

test("each part of measure.mjs measures", { timeout: 6 * patience }, async () => {
  const built = dirname(command());
  const parts = ["open", "failover", "reload", "writes", "long"];
  const { stdout } = await promisify(execFile)("node", ["measure.mjs", "chromium", ...parts, "--seconds", "0.05", "--before", "500", "--commands", "500"], {
    cwd: web, env: { ...process.env, BALSA_BUILT: built }, timeout: 5 * patience,
  });
  const count = (/** @type {RegExp} */ line) => stdout.match(line)?.length ?? 0;
  const said = {
    opened: count(/^(new window, .*: \d+ ms, \d+ ms|closed and opened again: \d+ ms)$/gm),
    failedOver: count(/^from the leader's window being closed to the next acknowledged write: \d+ ms$/gm),
    reloaded: count(/^reloaded after [\d,]+ commands, .*: \d+ ms$/gm),
    written: count(/ outstanding: [\d,]+ writes\/s, p50 [\d.]+ ms, p99 [\d.]+ ms, \d+ failed$/gm),
    long: count(/^500 commands: [\d,]+ writes\/s, \d+ failed; each window's files \d+, \d+, \d+ MB, heap .* MB; the browser's processes [1-9]\d+ MB$/gm),
  };
  assert.deepEqual(said, { opened: 4, failedOver: 3, reloaded: 3, written: 8, long: 1 }, stdout);
});
