// Not a test of this project, but one that hears no timer any more, for bound.test.mjs.
import { test } from "node:test";
import "../bound.mjs";

test("one that spins", () => {
  for (;;);
});
