// A file of tests that hangs fails, and says where.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("a file that hangs fails with its name and what it waits for, and leaves no process", { timeout: 60_000 }, async () => {
  const { NODE_TEST_CONTEXT, ...env } = process.env; // not a part of this run
  const run = spawn(process.execPath, ["--test", fileURLToPath(new URL("bound/hangs.test.mjs", import.meta.url))], { env: { ...env, BALSA_FILE_LIMIT: "2000" } });
  let said = "";
  for (const stream of [run.stdout, run.stderr]) stream.on("data", (text) => (said += text));
  const code = await new Promise((resolve) => run.once("close", resolve)); // which it does once nobody writes there any more: not its child, either
  assert.notEqual(code, 0, said);
  assert.match(said, /hangs\.test\.mjs has not ended in 2 s: it is in or after "one that ends", and waits for a browser to close; what keeps it: /);
});
