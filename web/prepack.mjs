// Builds what the npm package has and a checkout does not: the members' program with its
// compressed forms, for servers that hand those out, and the types.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

const here = fileURLToPath(new URL(".", import.meta.url));
const run = (/** @type {string} */ command, /** @type {string[]} */ ...args) => execFileSync(command, args, { cwd: here, stdio: ["ignore", 2, 2] });

copyFileSync(here + "../LICENSE", here + "LICENSE");
run("go", "run", "./dist", here);
const program = readFileSync(here + "member.wasm");
writeFileSync(here + "member.wasm.br", brotliCompressSync(program, {
  params: { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: program.length },
}));
// In a fresh checkout there is no compiler yet; npx alone would fetch another package of that name.
if (!existsSync(here + "node_modules/typescript")) run("npm", "ci");
run("npx", "--no", "--", "tsc", "-p", ".", "--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", "types");
