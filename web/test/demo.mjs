// What tests of the dashboard need: members that run, a browser, and an ear for what the
// page complains about.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bound, noted } from "./bound.mjs";
import { launch } from "./browser.mjs";
import { command, top } from "./built.mjs";
import { freePort, isFree } from "./ports.mjs";

/** How long a step may take that works at all on a slow machine that does other work, and a test of many steps. */
export const patience = 60_000, limit = 4 * patience;

/** Where pictures of the page are left for people to look at. */
export const pictures = join(top, "build", "dashboard");

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Waits until something is true here. What it waits for in vain is told with what was there
 * instead, so that a test that fails once in a while need not be caught at it again.
 * @template T @param {string} what @param {() => Promise<T>|T} holds @param {() => Promise<string>|string} [seen] @returns {Promise<T>}
 */
export const eventually = (what, holds, seen = () => "") => noted(what, waited(what, holds, seen));

/** @template T @param {string} what @param {() => Promise<T>|T} holds @param {() => Promise<string>|string} seen @returns {Promise<T>} */
async function waited(what, holds, seen) {
  let last;
  for (const start = Date.now(); Date.now() - start < patience; await pause(50)) {
    try {
      const found = await holds();
      if (found) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
  }
  const instead = await Promise.race([seen(), pause(5000).then(() => "nobody says how it is")]).catch((error) => `nobody says how it is: ${error.message}`);
  assert.fail(`in vain for ${what}${last ? `: ${last.message}` : ""}\n${instead}`);
}

/** What a person reads on a page at the moment. @param {import("puppeteer-core").Page} tab */
export const reads = (tab) => tab.evaluate(() => `${document.title}, ${location}, ${document.visibilityState}: ${document.body.innerText.replace(/\s+/g, " ").slice(0, 4000)}`);

/** The first of three ports in a row that nobody listens at. */
export async function threePorts() {
  for (;;) {
    const first = await freePort();
    if ((await Promise.all([isFree(first + 1), isFree(first + 2)])).every(Boolean)) return first;
  }
}

/** Gives the command a directory. */
export async function workshop() {
  const dir = await mkdtemp(join(tmpdir(), "balsa-page-"));
  await mkdir(pictures, { recursive: true });
  const running = new Set();
  return {
    dir,
    /**
     * Runs a command until a line says that it is ready.
     * @param {RegExp} ready @param {...string} args
     */
    async run(ready, ...args) {
      const child = bound(spawn(command(), args, { cwd: dir, stdio: ["pipe", "pipe", "inherit"] }));
      running.add(child);
      let said = "";
      await new Promise((resolve, reject) => {
        child.stdout.on("data", (text) => {
          said += text;
          if (ready.test(said)) resolve(undefined);
        });
        child.once("exit", (code) => reject(new Error(`balsa ${args.join(" ")} ended with ${code}: ${said}`)));
      });
      return {
        said: () => said,
        signal: (name) => child.kill(name),
        async end(signal = "SIGTERM") {
          running.delete(child);
          if (child.exitCode !== null) return;
          const ended = new Promise((resolve) => child.once("exit", resolve));
          child.kill(signal);
          await noted(`balsa ${args[0]} to end`, ended);
        },
      };
    },
    async close() {
      for (const child of running) child.kill("SIGKILL");
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A browser whose pages' complaints are kept. */
export async function browser() {
  const { browser, close } = await launch();
  /** What pages should not have said. @type {string[]} */
  const complaints = [];
  return {
    complaints,
    /** @param {string} url @param {{width?: number, scheme?: string, tour?: boolean}} [how] */
    async open(url, { width = 1280, scheme = "light", tour = false } = {}) {
      const tab = await browser.newPage();
      tab.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
      tab.on("pageerror", (error) => complaints.push(error.message));
      await tab.setViewport({ width, height: 900 });
      await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      if (!tour) await tab.evaluateOnNewDocument(() => localStorage.setItem("balsa-tour-taken", "yes"));
      await tab.goto(url, { timeout: patience });
      if (tour) {
        await tab.evaluate(() => localStorage.clear()); // other tabs have been here
        await tab.reload();
      }
      return tab;
    },
    close,
  };
}

/** Waits until something is true in a page. @param {import("puppeteer-core").Page} tab */
export const until = (tab, what, holds, ...args) => eventually(what, () => tab.evaluate(holds, ...args), () => reads(tab));
