// Which room this page is of, and the strip that shows who is in it.
import { newSecret } from "./balsa/balsa.js";

const memory = "balsa room";

/**
 * The room and the secret: from the link that was followed, else those of last time, else
 * new ones. They leave the address bar, so that nobody reads the secret there; links to
 * the room are made by linkTo.
 */
export function whichRoom() {
  const link = new URLSearchParams(location.hash.slice(1));
  let here = { room: link.get("room") ?? "", secret: link.get("secret") ?? "" };
  if (here.room && here.secret) {
    history.replaceState(null, "", location.pathname + "#/");
  } else {
    here = JSON.parse(sessionStorage.getItem(memory) ?? localStorage.getItem(memory) ?? "null") ??
      { room: "todos-" + newSecret().slice(0, 8), secret: newSecret() };
  }
  sessionStorage.setItem(memory, JSON.stringify(here));
  localStorage.setItem(memory, JSON.stringify(here));
  return here;
}

/** The introducer is where the page came from. */
export const introducer = location.origin.replace(/^http/, "ws");

/** A link to a room, on a page of this site. */
export const linkTo = (/** @type {{ room: string, secret: string }} */ here, page = "/") => `${location.origin}${page}#${new URLSearchParams(here)}`;

/**
 * Has a button copy something, and say that it did. Where the browser does not let the page, a person may.
 * @param {HTMLElement} button @param {string} title @param {() => string} what
 */
export function offerCopy(button, title, what) {
  const words = button.textContent;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(what());
      button.textContent = "Copied";
      clearTimeout(timer);
      timer = setTimeout(() => (button.textContent = words), 2_000);
    } catch {
      prompt(title, what());
    }
  });
}

/** What became of something that failed, and why. @param {Error} error */
export const outcome = (error) => stopped(`${error.name === "UnknownError" ? "It is not known whether that was done" : "That was not done"}: ${error.message}`);

/** A colour that goes with a name. */
export const hue = (/** @type {string} */ name) => [...name].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 360, 7);

const short = (/** @type {string} */ name) => name.replace(/^memory-/, "").slice(0, 4);

// What a member says begins small, and ends without a stop.
const stopped = (/** @type {string} */ words) => (/[.!?…]$/.test(words) ? words : `${words}.`);
export const sentence = (/** @type {string} */ words) => stopped(words[0].toUpperCase() + words.slice(1));

/** Whether the others were recovered without this window, which may start over. @param {import("../balsa.js").Status} status */
export const isLeftBehind = (status) => status.waiting.includes("recovered without this member");

/** Why nobody leads. @param {import("../balsa.js").Status} status */
function whyLeaderless(status) {
  if (isLeftBehind(status)) return "the other windows have gone on without this one";
  const voters = status.members.filter((m) => m.role === "voter");
  const away = voters.filter((m) => m.connection === "none").length;
  const missing = Math.floor(voters.length / 2) + 1 - (voters.length - away);
  if (missing <= 0) return "the windows choose a leader";
  return `${away} of the ${voters.length} windows that decide ${away === 1 ? "is" : "are"} away, and ${missing === 1 ? "one" : missing} of them must come back`;
}

/** A line for a person. @param {import("../balsa.js").Status} status */
export function inWords(status) {
  if (status.stopped) return [stopped(`This window has stopped: ${status.problem}`), "stopped"];
  const problem = status.problem && ` ${sentence(status.problem)}`;
  if (status.role === "") return [`${status.waiting ? sentence(status.waiting) : "Opening…"}${problem}`, "waiting"];
  const kept = status.durable ? (status.persisted ? "kept on this device" : "kept on this device, unless its browser needs the room") : "kept in memory only by this window, which forgets it when it is closed";
  const introduced = status.introducer === "here" ? problem : `${problem} Windows that are here go on; new ones wait for the introducer.`;
  const shared = status.attached ? " This window shares the member of another window of this browser." : "";
  if (!status.leader || status.waiting) return [`${stopped(`Waiting: ${status.leader ? status.waiting : whyLeaderless(status)}`)}${introduced}`, "waiting"];
  const voters = status.members.filter((m) => m.role === "voter").length;
  const copies = voters === 1 ? "one window decides" : `${Math.floor(voters / 2) + 1} of ${voters} windows decide`;
  return [`Everything is ${kept}; ${copies}.${shared}${introduced}`, problem ? "waiting" : ""];
}

/** @param {import("../balsa.js").MemberStatus} m */
function itemOf(m) {
  const item = document.createElement("li");
  item.style.setProperty("--hue", String(hue(m.name)));
  item.classList.toggle("leader", m.leader);
  item.classList.toggle("away", m.connection === "none");
  const about = [m.leader ? "leads" : m.role === "learner" ? "listens" : "", m.self ? "" : m.connection === "none" ? "away" : m.connection].filter(Boolean);
  item.append(m.self ? "this window" : `window ${short(m.name)}`);
  const small = document.createElement("small");
  small.textContent = about.join(", ");
  item.append(small);
  return item;
}

/**
 * Shows a status in the strip. A status changes with each entry, and what is shown of it
 * seldom: only then is anything drawn.
 * @param {HTMLElement} strip @param {import("../balsa.js").Status} status
 */
export function show(strip, status) {
  const windows = /** @type {HTMLElement} */ (strip.querySelector(".windows"));
  const items = status.members.map(itemOf);
  const same = items.length === windows.children.length && items.every((item, i) => item.isEqualNode(windows.children[i]));
  if (!same) windows.replaceChildren(...items);
  const state = /** @type {HTMLElement} */ (strip.querySelector(".state"));
  const [words, kind] = inWords(status);
  if (state.textContent !== words) state.textContent = words;
  if (state.className !== `state ${kind}`) state.className = `state ${kind}`;
}
