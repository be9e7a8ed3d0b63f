// Starts a real browser for tests, from the system's packages, and ends it again.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { noted } from "./bound.mjs";

/** Everything that keeps Chromium from calling home or asking a person. */
const flags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-dev-shm-usage",
];

/** Where Debian puts them; CHROMIUM and FIREFOX name others. */
export const chromium = process.env.CHROMIUM || "/usr/bin/chromium";
export const firefox = process.env.FIREFOX || "/usr/bin/firefox-esr";

/** What keeps Firefox from calling home. */
const preferences = {
  "app.update.enabled": false, "app.normandy.enabled": false, "browser.safebrowsing.malware.enabled": false, "browser.safebrowsing.phishing.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false, "extensions.update.enabled": false, "media.gmp-manager.url": "", "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false, "services.settings.server": "http://127.0.0.1:1", "toolkit.telemetry.enabled": false,
};

/** How long a browser may take to close. */
const closing = 60_000;

/** Closes a browser, and ends the process of one that does not: who waits for it hears so. @param {import("puppeteer-core").Browser} browser */
async function ended(browser) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, failed) => {
    timer = setTimeout(() => {
      browser.process()?.kill("SIGKILL");
      failed(new Error(`a browser has not closed in ${closing / 1000} s: ${browser.process()?.spawnfile}`));
    }, closing);
  });
  await noted("a browser to close", Promise.race([browser.close(), late])).finally(() => clearTimeout(timer));
}

/**
 * Starts Chromium on a new, empty profile.
 * @returns {Promise<{browser: import("puppeteer-core").Browser, close: () => Promise<void>}>}
 */
export async function launch() {
  const profile = await mkdtemp(join(tmpdir(), "balsa-chromium-"));
  const browser = await puppeteer.launch({
    executablePath: chromium, headless: true, args: flags, userDataDir: profile, timeout: 60_000, protocolTimeout: 120_000,
  });
  const close = async () => {
    await ended(browser);
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { browser, close };
}

/** Starts Firefox on a new, empty profile, and speaks WebDriver BiDi with it. */
export async function launchFirefox() {
  const browser = await puppeteer.launch({
    browser: "firefox", executablePath: firefox, headless: true, extraPrefsFirefox: preferences, timeout: 60_000, protocolTimeout: 120_000,
  });
  return { browser, close: () => ended(browser) };
}
