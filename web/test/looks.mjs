// How pages are looked at: in which lights and widths, and what a machine can tell of
// whether people can use them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A phone that is narrow, and a screen, by day and by night. */
export const looks = [["on a screen", 1100, 800], ["on a phone", 360, 740]].flatMap(([where, width, height]) => ["light", "dark"].map((scheme) => ({
  name: `${where}, ${scheme}`,
  /** @param {import("puppeteer-core").Page} tab */
  async take(tab) {
    // Whether there is touch stays as it is: a page is loaded again when that changes.
    await tab.setViewport({ ...tab.viewport(), width: Number(width), height: Number(height) });
    await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await tab.bringToFront();
    await tab.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  },
})));

/**
 * What is wrong with a page for people: contrast, names, roles, order, and what lies beside the screen.
 * @param {import("puppeteer-core").Page} tab @returns {Promise<string[]>}
 */
export async function wrongWith(tab) {
  if (!(await tab.evaluate(() => "axe" in globalThis))) await tab.evaluate(axe);
  return tab.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
    const beside = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (beside > 0) found.push(`${beside} pixels lie beside the screen`);
    return found;
  });
}
