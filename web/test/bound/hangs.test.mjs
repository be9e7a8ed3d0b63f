// Not a test of this project, but one that never ends, for bound.test.mjs.
import { spawn } from "node:child_process";
import { after, test } from "node:test";
import { bound, noted } from "../bound.mjs";

bound(spawn("sleep", ["1000"], { stdio: ["ignore", "ignore", "inherit"] }));
test("one that ends", () => {});
after(() => noted("a browser to close", new Promise(() => setInterval(() => {}, 1000))));
