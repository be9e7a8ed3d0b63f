// examples/react: hooks over useSyncExternalStore, in two windows.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { site, top } from "./built.mjs";
import { looks, wrongWith } from "./looks.mjs";
import { introduce, listen, patience, picture, until } from "./stage.mjs";
import { launch } from "./browser.mjs";

const packages = fileURLToPath(new URL("../node_modules/", import.meta.url));

/** React as one module: it is published as CommonJS, which bundlers turn into modules. */
async function react() {
  const files = {
    react: "react/cjs/react.production.js", scheduler: "scheduler/cjs/scheduler.production.js",
    "react-dom": "react-dom/cjs/react-dom.production.js", "react-dom/client": "react-dom/cjs/react-dom-client.production.js",
  };
  const wrapped = await Promise.all(Object.entries(files).map(async ([name, file]) =>
    `${JSON.stringify(name)}: (module, exports) => {\n${await readFile(packages + file, "utf8")}\n}`));
  return `const files = {${wrapped.join(",\n")}};
const made = {};
function require(name) {
  if (!made[name]) files[name]((made[name] = { exports: {} }), made[name].exports);
  return made[name].exports;
}
export const { StrictMode, createElement, useCallback, useState, useSyncExternalStore } = require("react");
export const { createRoot } = require("react-dom/client");
`;
}

/** @type {{ tabs: import("puppeteer-core").Page[], complaints: string[], close: () => Promise<void> }} */
let world;
before(async () => {
  const dir = await mkdtemp(join(tmpdir(), "balsa-react-"));
  await cp(join(site(), "balsa"), join(dir, "balsa"), { recursive: true });
  await cp(join(top, "examples/react"), dir, { recursive: true });
  await writeFile(join(dir, "react.js"), await react());
  const server = await introduce("127.0.0.1:0", "--pages", dir);
  const { browser, close } = await launch();
  const complaints = [];
  const tabs = [];
  for (const address of server.addresses.slice(0, 2)) {
    const tab = await browser.newPage({ type: "window" });
    listen(tab, complaints, address);
    await tab.goto(`${address}/#${new URLSearchParams({ room: "shop", secret: "a secret of these tests, and long enough" })}`);
    await until(tab, "the list", () => globalThis.member?.status.leader && document.querySelector("ul") !== null);
    tabs.push(tab);
  }
  world = { tabs, complaints, close: () => Promise.all([close(), server.stop(), rm(dir, { recursive: true, force: true })]).then(() => {}) };
}, { timeout: 4 * patience });
after(() => world?.close());

const shows = (tab, want) => until(tab, `the list ${want}`, (want) => [...document.querySelectorAll("li")].map((li) => li.textContent).join(", ") === want, want);

test("components render what any window has changed, under StrictMode, and let go when they are gone", { timeout: 2 * patience }, async () => {
  const { tabs } = world;
  for (const [i, name] of ["milk", "bread"].entries()) {
    await tabs[i].bringToFront();
    await tabs[i].type("input", name);
    await tabs[i].keyboard.press("Enter");
    for (const tab of tabs) await shows(tab, ["buy milk", "buy bread"].slice(0, i + 1).join(", "));
  }
  await tabs[0].click("li:nth-child(2) button");
  for (const tab of tabs) await shows(tab, "buy milk, ✓ bread");
  await until(tabs[1], "its standing", () => document.querySelector("[role=status]").textContent === "2 windows");
  for (const each of looks) {
    await each.take(tabs[0]);
    await picture(tabs[0], `react, ${each.name}`);
    assert.deepEqual(await wrongWith(tabs[0]), []);
  }
  const left = await tabs[0].evaluate(async () => {
    globalThis.root.unmount();
    return [globalThis.member.replica.subscribers.size, globalThis.member.watchers.size - 1]; // a member that has guests watches itself
  });
  assert.deepEqual(left, [0, 0]);
  assert.deepEqual(world.complaints, []);
});
