// What tests with windows need: balsa introduce on three ports, a browser, and an ear for
// what pages complain about.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { bound, noted } from "./bound.mjs";
import { launch } from "./browser.mjs";
import { command, site, top } from "./built.mjs";

/** How long anything may take that works at all. */
export const patience = 60_000;

/**
 * Starts balsa introduce.
 * @param {string} listen @param {string[]} flags
 * @returns {Promise<{ addresses: string[], stop: () => Promise<void> }>}
 */
export async function introduce(listen = "127.0.0.1:0", ...flags) {
  const pages = flags.includes("--pages") ? [] : ["--pages", site()];
  const server = bound(spawn(command(), ["introduce", "--listen", listen, "--no-phone", ...pages, ...flags], { stdio: ["ignore", "pipe", "inherit"] }));
  const ended = new Promise((resolve) => server.once("exit", resolve));
  /** @type {string[]} */
  const addresses = await new Promise((resolve, reject) => {
    let said = "";
    server.stdout.on("data", (text) => {
      said += text;
      const ready = /^ready (.*)$/m.exec(said);
      if (ready) resolve(ready[1].split(" "));
    });
    ended.then((code) => reject(new Error(`balsa introduce ended with ${code}`)));
  });
  const stop = async () => {
    server.kill("SIGINT");
    await noted("balsa introduce to end", ended);
  };
  return { addresses, stop };
}

/** @param {...typeof launch} starts what starts the browsers; Chromium if there is none */
export async function stage(...starts) {
  const { addresses, stop } = await introduce();
  const browsers = [];
  for (const start of starts.length > 0 ? starts : [launch]) browsers.push(await start());
  /** What pages should not have said. @type {string[]} */
  const complaints = [];
  return {
    complaints,
    addresses,
    /**
     * A window on one of the ports, or at an address: a tab, of which one is in front, or a window of its own.
     * @param {number | string} port @param {string} path
     * @param {{ window?: boolean, browser?: number, network?: boolean }} how network: whether it is a complaint that servers do not answer
     */
    async page(port, path, { window = false, browser = 0, network = true } = {}) {
      const tab = await browsers[browser].browser.newPage(window ? { type: "window" } : {});
      listen(tab, complaints, `${port}${path}`, { network });
      await tab.goto((typeof port === "number" ? addresses[port] : port) + path, { timeout: patience });
      return tab;
    },
    async close() {
      try {
        for (const { close } of browsers) await close();
      } finally {
        await stop(); // a server that stays would keep this process
      }
    },
  };
}

/** What browsers say on the console of a server that does not answer; tests that end servers do not mind it. */
const ofTheNetwork = /^(WebSocket connection to|Failed to load resource|Firefox can.t establish a connection|The connection to ws)/;

/**
 * Keeps what a page complains about: what it throws, and errors on the console.
 * @param {import("puppeteer-core").Page} tab @param {string[]} complaints @param {string} where @param {{ network?: boolean }} [about] network: also of the network
 */
export function listen(tab, complaints, where, { network = true } = {}) {
  tab.on("console", (message) => {
    if (message.type() === "error" && (network || !ofTheNetwork.test(message.text()))) complaints.push(`${where}: ${message.text()}`);
  });
  tab.on("pageerror", (error) => complaints.push(`${where}: ${error.message}`));
}

const pictures = join(top, "build", "web");

/** Leaves a picture of a window for people to look at, in build/web. @param {import("puppeteer-core").Page} tab @param {string} name */
export async function picture(tab, name, options = {}) {
  mkdirSync(pictures, { recursive: true });
  await tab.screenshot({ path: join(pictures, `${name}.png`), ...options });
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Waits until something is true in a window, hidden or not.
 * @param {import("puppeteer-core").Page} tab @param {string} what @param {any} holds @param {...any} args
 */
export const until = (tab, what, holds, ...args) => noted(what, waited(tab, what, holds, ...args));

/** @param {import("puppeteer-core").Page} tab @param {string} what @param {any} holds @param {...any} args */
async function waited(tab, what, holds, ...args) {
  for (const start = Date.now(); ; await pause(50)) {
    const found = await tab.evaluate(holds, ...args);
    if (found) return found;
    if (Date.now() - start > patience) {
      const status = await tab.evaluate(() => JSON.stringify(globalThis.member?.status, null, 1));
      const lines = await tab.evaluate(() => [...(globalThis.lines ?? []), `${location}, ${document.visibilityState}: ${document.body.innerText.replace(/\s+/g, " ").slice(0, 4000)}`].join("\n"));
      await picture(tab, `in vain for ${what}`.replace(/[^\w ]/g, "").slice(0, 80)).catch(() => {});
      assert.fail(`in vain for ${what}: ${status}\n${lines}`);
    }
  }
}
