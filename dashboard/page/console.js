// A console for the key-value service.
import { ask, del, get, json, put } from "./api.js";
import { $, el } from "./dom.js";
import { absence } from "./model.js";

const mostAnswers = 100;
const past = [];
let place = 0;

export function build() {
  $("console-form").addEventListener("submit", (event) => {
    event.preventDefault();
    enter($("command").value);
    $("command").value = "";
  });
  $("examples").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) enter(button.textContent);
  });
  $("command").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    place = Math.min(Math.max(place + (event.key === "ArrowUp" ? -1 : 1), 0), past.length);
    $("command").value = past[place] ?? "";
  });
}

/** Runs a command and shows what came of it. @param {string} line */
export async function enter(line) {
  line = line.trim();
  if (!line) return;
  past.push(line);
  place = past.length;
  const began = performance.now();
  let text, bad = false;
  try {
    text = await run(words(line));
  } catch (error) {
    [text, bad] = [(error.status === 503 && absence()) || error.message, true];
  }
  const took = performance.now() - began;
  print(el("li.asked", {}, `› ${line}`));
  print(el(bad ? "li.bad" : "li", {}, text, " ", el("span.faint", {}, `${took.toFixed(0)} ms`)));
}

function print(item) {
  const answers = $("answers");
  answers.append(item);
  while (answers.childElementCount > mostAnswers) answers.firstChild.remove();
  answers.scrollTop = answers.scrollHeight;
}

/** Splits a line; "…" keeps spaces together. */
function words(line) {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2]);
}

/** @type {Record<string, {needs: number, usage: string, run: (...args: string[]) => Promise<string>}>} */
const commands = {
  put: { needs: 2, usage: "put KEY VALUE", run: async (key, ...value) => `ok, at entry ${(await put(key, value.join(" "))).version}` },
  get: { needs: 1, usage: "get KEY", run: async (key) => (await get(key)).value },
  del: { needs: 1, usage: "del KEY", run: async (key) => `ok, at entry ${(await del(key)).version}` },
  cas: {
    needs: 3, usage: "cas KEY OLD NEW", run: async (key, old, value) => {
      const now = await get(key);
      if (now.value !== old) return `not done: ${key} is ${now.value}`;
      return `ok, at entry ${(await put(key, value, { "If-Match": now.version })).version}`;
    },
  },
  scan: {
    needs: 0, usage: "scan PREFIX", run: async (prefix = "") => {
      const page = await json(`/kv/?limit=20&prefix=${encodeURIComponent(prefix)}`);
      const lines = page.items.map((item) => `${item.key ?? "(bytes)"} = ${item.value ?? "(bytes)"}`);
      return lines.length ? lines.join("\n") + (page.next ? "\n…" : "") : "no keys";
    },
  },
  status: { needs: 0, usage: "status", run: async () => (await ask("/status")).text() },
};

async function run([name, ...rest]) {
  const command = commands[name?.toLowerCase()];
  if (!command) throw new Error(`there is no command ${name}; there are: ${Object.values(commands).map((c) => c.usage).join(", ")}`);
  if (rest.length < command.needs) throw new Error(`say: ${command.usage}`);
  return command.run(...rest);
}
