// A site as a server of somebody's own hands it out, with something changed in the package.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { site } from "./built.mjs";
import { introduce } from "./stage.mjs";

/**
 * Serves it until the test is over.
 * @param {import("node:test").TestContext} t @param {(dir: string) => unknown} change what it does to the package's files
 */
export async function served(t, change) {
  const dir = await mkdtemp(join(tmpdir(), "balsa-pages-"));
  await cp(site(), dir, { recursive: true });
  await change(join(dir, "balsa"));
  const server = await introduce("127.0.0.1:0", "--origin", "*", "--pages", dir);
  t.after(() => Promise.all([server.stop(), rm(dir, { recursive: true, force: true })]));
  return server;
}
