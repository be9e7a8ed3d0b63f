// What tests with windows run: the command, and a site for browsers with the members'
// program in it. Building takes a while, so that make browser does it once for all files:
//
//   BALSA_BUILT=DIR; node built.mjs $BALSA_BUILT
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The top of the sources. */
export const top = fileURLToPath(new URL("../..", import.meta.url));

/** Builds into a directory. @param {string} dir */
function build(dir) {
  const go = (/** @type {string[]} */ ...args) => execFileSync("go", args, { cwd: top, stdio: ["ignore", "ignore", "inherit"] });
  go("build", "-o", join(dir, "balsa"), "./cmd/balsa");
  cpSync(join(top, "web/pages"), join(dir, "site"), { recursive: true });
  for (const part of ["balsa.js", "client.js", "worker.js", "lib"]) cpSync(join(top, "web", part), join(dir, "site/balsa", part), { recursive: true });
  go("run", "./web/dist", join(dir, "site/balsa"));
  return dir;
}

/** @type {string | undefined} */
let dir = process.env.BALSA_BUILT;

/** Where it was built, now if it was not before. */
function built() {
  if (dir) return dir;
  const made = mkdtempSync(join(tmpdir(), "balsa-built-"));
  process.once("exit", () => rmSync(made, { recursive: true, force: true }));
  return (dir = build(made));
}

/** The command. */
export const command = () => join(built(), "balsa");
/** A directory as balsa introduce serves it by itself: pages, and the package under balsa/. */
export const site = () => join(built(), "site");

if (process.argv[1] === fileURLToPath(import.meta.url)) build(process.argv[2]);
