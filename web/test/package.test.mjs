// What npm pack makes is what a web developer gets: all that is needed, nothing else, and
// types that say what the scripts do.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

const web = fileURLToPath(new URL("..", import.meta.url));
/** What a browser may have to load for a member, compressed with gzip. */
const mostPacked = 1_500_000;

/** @type {string} */ let project;
/** @type {string} */ let installed;
before(async () => {
  project = await mkdtemp(join(tmpdir(), "balsa-package-"));
  const npm = (...args) => execFileSync("npm", [...args, "--silent", "--no-audit", "--no-fund"], { cwd: project, encoding: "utf8", stdio: ["ignore", "pipe", 2] });
  const [{ filename }] = JSON.parse(npm("pack", web, "--json"));
  await writeFile(join(project, "package.json"), '{ "private": true, "type": "module" }');
  npm("install", "--offline", join(project, filename));
  installed = join(project, "node_modules/balsa/");
}, { timeout: 300_000 });
after(() => rm(project, { recursive: true, force: true }));

test("the package holds its scripts and types, and no tests or pages", async () => {
  const files = (await readdir(installed)).sort();
  assert.deepEqual(files, ["LICENSE", "README.md", "balsa.js", "client.js", "lib", "member.wasm", "member.wasm.br", "member.wasm.gz", "package.json", "types", "wasm_exec.js", "worker.js"]);
  assert.deepEqual(await readdir(join(project, "node_modules")).then((all) => all.filter((name) => !name.startsWith("."))), ["balsa"], "it needs nothing at run time");
  for (const file of ["balsa.js", "client.js", "worker.js", ...(await readdir(installed + "lib")).map((name) => "lib/" + name)]) {
    const text = await readFile(installed + file, "utf8");
    for (const [, path] of text.matchAll(/from "(\.[^"]+)"|import "(\.[^"]+)"/g)) {
      if (path) await readFile(new URL(path, "file://" + installed + file));
    }
  }
});

test("its types are those of what it exports, and of nothing else", async () => {
  const files = (await readdir(join(installed, "types"))).sort();
  assert.deepEqual(files, ["balsa.d.ts", "client.d.ts", "lib"]);
});

test("its Worker can be bundled as a script that is no module, where nothing awaits at the top level", async () => {
  const source = await readFile(join(installed, "worker.js"), "utf8");
  assert.doesNotThrow(() => new Function(source.replace(/^import .*$/gm, "").replaceAll("import.meta.url", '""')));
});

test("the members' program is small, and the same however it is compressed", async () => {
  const [plain, gz, br] = await Promise.all(["", ".gz", ".br"].map((ending) => readFile(installed + "member.wasm" + ending)));
  assert.ok(gz.length <= mostPacked, `${gz.length} bytes with gzip`);
  assert.ok(br.length < gz.length, `${br.length} bytes with brotli`);
  assert.ok(gunzipSync(gz).equals(plain) && brotliDecompressSync(br).equals(plain));
  assert.ok(WebAssembly.validate(plain));
});

test("it is imported by its name, and explains where it cannot run", async () => {
  const script = 'import { open, newSecret } from "balsa"; console.log(newSecret().length, await open({}).catch((e) => e.reason));';
  assert.equal(execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: project, encoding: "utf8" }), "43 unsupported\n");
});

/** What tsc says about a program that uses the package. */
async function typesSay(program) {
  await writeFile(join(project, "program.ts"), program);
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2024,dom", "--types", "", "program.ts"];
  try {
    return execFileSync(process.execPath, [join(web, "node_modules/typescript/bin/tsc"), ...options], { cwd: project, encoding: "utf8" });
  } catch (error) {
    return error.stdout;
  }
}

const program = `
import { connect } from "balsa/client.js";
import { open, NotCommittedError, type Options, type Status } from "balsa";
interface Item { text: string }
const todos = await open({
  room: "r", secret: "s", introducer: "wss://example.org", initial: { items: [] as Item[] },
  apply: (state, command: { text: string }, entry) => { state.items.push(command); return entry.index + state.items.length; },
});
const index: number = await todos.propose({ text: "milk" });
const texts: string[] = await todos.read((state) => state.items.map((item) => item.text), { signal: AbortSignal.timeout(1) });
const cluster = connect({ servers: ["https://example.org"] });
const end: () => void = todos.subscribe((state) => void state.items.length);
`;

test("its types know state, command and result", async () => {
  assert.equal(await typesSay(program), "");
  assert.match(await typesSay(program + 'await todos.propose({ txt: "milk" });'), /'txt' does not exist/);
  assert.match(await typesSay(program + 'const wrong: string = await todos.propose({ text: "milk" });'), /'number' is not assignable to type 'string'/);
});
