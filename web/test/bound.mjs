// No file of tests with browsers runs for ever: each test has its time, but a browser that
// does not end, or a handle that somebody forgot, would keep the file, and CI, waiting.
import { basename } from "node:path";
import { beforeEach } from "node:test";

/** Four times what the longest file takes on two cores that do other work. BALSA_FILE_LIMIT is another one, in milliseconds. */
export const limit = Number(process.env.BALSA_FILE_LIMIT ?? 15 * 60_000);

/** What somebody waits for at the moment. @type {Set<string>} */
const waits = new Set();

/**
 * Notes what is waited for, as long as it is.
 * @template T @param {string} what @param {Promise<T>} ends @returns {Promise<T>}
 */
export async function noted(what, ends) {
  waits.add(what);
  try {
    return await ends;
  } finally {
    waits.delete(what);
  }
}

/** Also ends with this process, whatever ends that. @template {import("node:child_process").ChildProcess} C @param {C} child @returns {C} */
export function bound(child) {
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
  return child;
}

const file = basename(process.argv[1] ?? "");
if (file.endsWith(".test.mjs")) {
  process.setMaxListeners(100);
  let at = "before its first test";
  beforeEach((test) => void (at = `in or after "${test.name}"`));
  setTimeout(() => {
    console.error(`${file} has not ended in ${limit / 1000} s: it is ${at}, and waits for ${[...waits].join(" and ") || "nothing that it would say"}; what keeps it: ${process.getActiveResourcesInfo().join(", ")}`);
    process.exit(1);
  }, limit).unref();
}
