// Not a test of this project, but one whose process does not exit, for bound.test.mjs.
import { test } from "node:test";

test("one that ends", () => {});
process.on("exit", () => {
  for (;;);
});
