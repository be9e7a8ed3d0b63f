// Not a test of this project, but one that fails, for bound.test.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";
import "../bound.mjs";

test("a door that does not open", () => assert.fail("in vain for a key"));
