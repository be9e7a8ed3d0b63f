// Runs a Go test binary for js/wasm in a dedicated Worker of Chromium:
//
//   GOOS=js GOARCH=wasm go test -exec "node $PWD/web/test/go-exec.mjs" ./fsys/opfs
//
// What the binary prints goes to standard output, and its exit code becomes this one's.
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { chromium, launch } from "./browser.mjs";

const [binary, ...args] = process.argv.slice(2);
const goroot = execFileSync("go", ["env", "GOROOT"], { encoding: "utf8" }).trim();

const worker = `
importScripts("/wasm_exec.js");
const decoder = new TextDecoder();
globalThis.fs.writeSync = (_, bytes) => {
  postMessage({ print: decoder.decode(bytes, { stream: true }) });
  return bytes.length;
};
const answers = new Map();
globalThis.setQuota = (bytes) => new Promise((resolve) => {
  answers.set(answers.size, resolve);
  postMessage({ quota: bytes, call: answers.size - 1 });
});
onmessage = async ({ data }) => {
  if (data.call !== undefined) return answers.get(data.call)(true);
  const go = new Go();
  go.argv = data.argv;
  go.exit = (code) => postMessage({ exit: code });
  const { instance } = await WebAssembly.instantiateStreaming(fetch("/test.wasm"), go.importObject);
  await go.run(instance);
};
`;

const page = `<!doctype html><title>go test</title><script>
const worker = new Worker("/worker.js");
worker.onmessage = async ({ data }) => {
  if (data.print !== undefined) await goPrint(data.print);
  if (data.exit !== undefined) { worker.terminate(); await goExit(data.exit); }
  if (data.call !== undefined) { await goQuota(data.quota); worker.postMessage({ call: data.call }); }
};
worker.onerror = (e) => { goPrint(e.message + "\\n"); goExit(2); };
</script>`;

const files = {
  "/": ["text/html", () => page],
  "/worker.js": ["text/javascript", () => worker],
  "/wasm_exec.js": ["text/javascript", () => readFile(join(goroot, "lib/wasm/wasm_exec.js"))],
  "/test.wasm": ["application/wasm", () => readFile(binary)],
};

const server = createServer(async (request, response) => {
  const file = files[request.url ?? ""];
  if (!file) return void response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": file[0] }).end(await file[1]());
});
await new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(undefined)));
const origin = `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;

const { browser, close } = await launch().catch((error) => {
  console.error(`start ${chromium}: ${error.message}`);
  process.exit(2);
});
const code = await run();
await close();
server.close();
server.closeAllConnections();
process.exit(code);

/** @returns {Promise<number>} the exit code of the binary */
async function run() {
  const tab = await browser.newPage();
  const cdp = await tab.createCDPSession();
  await tab.exposeFunction("goPrint", (/** @type {string} */ text) => { process.stdout.write(text); });
  await tab.exposeFunction("goQuota", (/** @type {number} */ bytes) =>
    cdp.send("Storage.overrideQuotaForOrigin", bytes < 0 ? { origin } : { origin, quotaSize: bytes }));
  /** @type {Promise<number>} */
  const exited = new Promise((resolve) => tab.exposeFunction("goExit", resolve));
  await tab.goto(origin);
  await tab.evaluate(`worker.postMessage({ argv: ${JSON.stringify(["test", ...args])} })`);
  return exited;
}
