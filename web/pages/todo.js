// TodoMVC, kept by the windows that have it open. What one person is typing, editing or
// looking at stays theirs; the list is everybody's.
import { open } from "./balsa/balsa.js";
import { introducer, linkTo, offerCopy, outcome, sentence, show, whichRoom } from "./here.js";
import { offerRecovery } from "./lost.js";

/** @typedef {{ id: string, title: string, completed: boolean }} Todo */
/**
 * @typedef {{ type: "add", id: string, title: string } | { type: "toggle", id: string, completed: boolean } |
 *   { type: "toggle all", completed: boolean } | { type: "edit", id: string, title: string } |
 *   { type: "remove", id: string } | { type: "clear completed" }} Command
 */

/** Changes the list. What is about a todo that somebody else has removed does nothing. */
function apply(/** @type {{ todos: Todo[] }} */ state, /** @type {Command} */ command) {
  const todo = "id" in command ? state.todos.find((t) => t.id === command.id) : undefined;
  switch (command.type) {
    case "add":
      if (!todo) state.todos.push({ id: command.id, title: command.title, completed: false });
      break;
    case "toggle":
      if (todo) todo.completed = command.completed;
      break;
    case "toggle all":
      for (const t of state.todos) t.completed = command.completed;
      break;
    case "edit":
      if (todo) todo.title = command.title;
      break;
    case "remove":
      state.todos = state.todos.filter((t) => t !== todo);
      break;
    case "clear completed":
      state.todos = state.todos.filter((t) => !t.completed);
      break;
  }
}

const find = (/** @type {string} */ selector) => /** @type {any} */ (document.querySelector(selector));
const here = whichRoom();
const list = find(".todo-list");
const problem = find(".problem");

/** @type {Map<string, HTMLLIElement>} */
const items = new Map();
/** @type {Todo[]} */
let todos = [];
let editing = "";

const views = {
  "#/": () => true,
  "#/active": (/** @type {Todo} */ t) => !t.completed,
  "#/completed": (/** @type {Todo} */ t) => t.completed,
};
const view = () => (location.hash in views ? /** @type {keyof typeof views} */ (location.hash) : "#/");

/** @type {import("./balsa/balsa.js").Member<any, Command, void> | undefined} */
let member;

async function propose(/** @type {Command} */ command) {
  try {
    if (!member) throw new Error("this window is not open yet");
    await member.propose(command);
    problem.hidden = true;
  } catch (/** @type {any} */ error) {
    problem.textContent = outcome(error);
    problem.hidden = false;
  }
}

/** The element of a todo, which stays the same so that focus and editing do. */
function element(/** @type {Todo} */ todo) {
  let item = items.get(todo.id);
  if (!item) {
    item = document.createElement("li");
    item.innerHTML = `<input class="toggle" type="checkbox"><label></label><button class="destroy" type="button">×</button><input class="edit" aria-label="Edit this todo" maxlength="1000" enterkeyhint="done">`;
    item.dataset.id = todo.id;
    items.set(todo.id, item);
  }
  const [toggle, label, destroy] = /** @type {any} */ (item.children);
  item.className = [todo.completed && "completed", editing === todo.id && "editing"].filter(Boolean).join(" ");
  toggle.checked = todo.completed;
  toggle.setAttribute("aria-label", `${todo.title} is done`);
  if (label.textContent !== todo.title) label.textContent = todo.title;
  destroy.setAttribute("aria-label", `Delete ${todo.title}`);
  return item;
}

/** Where the keyboard is in the list: at which todo, and at what of it. */
function place() {
  const at = document.activeElement;
  const item = at?.closest(".todo-list li");
  return at && item ? { at, index: [...list.children].indexOf(item), control: at.className === "destroy" ? ".destroy" : ".toggle" } : undefined;
}

/** Keeps the keyboard where it was, though that is gone. @param {ReturnType<typeof place>} was */
function restore(was) {
  if (!was || was.at === document.activeElement) return;
  const item = list.children[Math.min(was.index, list.children.length - 1)];
  (item?.querySelector(was.control) ?? find(".new-todo")).focus();
}

function render() {
  const was = place();
  const shown = todos.filter(views[view()]);
  const there = new Set(todos.map((t) => t.id));
  for (const [id, item] of items) {
    if (there.has(id)) continue;
    item.remove();
    items.delete(id);
    if (editing === id) editing = "";
  }
  // Elements are moved only where their order differs: a move takes focus away.
  const wanted = shown.map(element);
  for (const item of [...list.children]) if (!wanted.includes(item)) item.remove();
  wanted.forEach((item, i) => {
    if (list.children[i] !== item) list.insertBefore(item, list.children[i] ?? null);
  });
  restore(was);
  const left = todos.filter((t) => !t.completed).length;
  find(".main").hidden = find(".footer").hidden = todos.length === 0;
  find(".toggle-all").checked = todos.length > 0 && left === 0;
  const count = find(".todo-count");
  const words = `${left} ${left === 1 ? "item" : "items"} left`;
  if (count.textContent !== words) count.innerHTML = `<strong>${left}</strong> ${left === 1 ? "item" : "items"} left`;
  find(".clear-completed").hidden = left === todos.length;
  for (const link of document.querySelectorAll(".filters a")) {
    const selected = link.getAttribute("href") === view();
    link.classList.toggle("selected", selected);
    if (selected) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

const idOf = (/** @type {any} */ target) => target.closest("li")?.dataset.id ?? "";

function edit(/** @type {string} */ id) {
  const todo = todos.find((t) => t.id === id);
  if (!todo) return;
  editing = id;
  render();
  const input = /** @type {any} */ (items.get(id)?.querySelector(".edit"));
  input.value = todo.title;
  input.focus();
  input.setSelectionRange(input.value.length, input.value.length);
}

/** Ends editing, with the text or without. Removing an element blurs it: only once. */
function endEdit(/** @type {HTMLInputElement} */ input, { keep = true, byKey = false }) {
  const id = editing;
  if (!id || idOf(input) !== id) return;
  editing = "";
  const title = input.value.trim();
  const before = todos.find((t) => t.id === id);
  if (keep && before && title !== before.title) {
    // Shown at once, so that the former text does not flash up.
    if (title) before.title = title;
    void propose(title ? { type: "edit", id, title } : { type: "remove", id });
  }
  render();
  if (byKey) items.get(id)?.querySelector(/** @type {"input"} */ (".toggle"))?.focus();
}

find(".add").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  const input = find(".new-todo");
  const title = input.value.trim();
  if (!title) return;
  input.value = "";
  void propose({ type: "add", id: crypto.randomUUID(), title });
});
find(".toggle-all").addEventListener("change", (/** @type {any} */ event) => propose({ type: "toggle all", completed: event.target.checked }));
find(".clear-completed").addEventListener("click", () => propose({ type: "clear completed" }));
list.addEventListener("change", (/** @type {any} */ event) => {
  if (event.target.className === "toggle") void propose({ type: "toggle", id: idOf(event.target), completed: event.target.checked });
});
list.addEventListener("click", (/** @type {any} */ event) => {
  if (event.target.className === "destroy") void propose({ type: "remove", id: idOf(event.target) });
});
list.addEventListener("dblclick", (/** @type {any} */ event) => {
  if (event.target.tagName === "LABEL") edit(idOf(event.target));
});
/** @type {any} */ let pressed;
list.addEventListener("pointerdown", (/** @type {any} */ event) => {
  clearTimeout(pressed);
  if (event.pointerType === "touch" && event.target.tagName === "LABEL") pressed = setTimeout(() => edit(idOf(event.target)), 500);
});
for (const end of ["pointerup", "pointermove", "pointercancel"]) list.addEventListener(end, () => clearTimeout(pressed));
list.addEventListener("keydown", (/** @type {any} */ event) => {
  if (event.target.className === "edit") {
    if (event.key === "Enter" && !event.isComposing) endEdit(event.target, { byKey: true });
    if (event.key === "Escape") endEdit(event.target, { keep: false, byKey: true });
  } else if (event.key === "F2") edit(idOf(event.target));
});
list.addEventListener("focusout", (/** @type {any} */ event) => {
  if (event.target.className === "edit") endEdit(event.target, {});
});
addEventListener("hashchange", render);
offerCopy(find(".invite"), "The link to this list", () => linkTo(here));

try {
  member = await open({ ...here, introducer, name: "todos", initial: { todos: /** @type {Todo[]} */ ([]) }, apply, watch: (status) => show(find(".strip"), status) });
  member.subscribe((/** @type {{ todos: Todo[] }} */ state) => {
    todos = structuredClone(state.todos);
    render();
  });
  offerRecovery(find(".strip"), member);
  Object.assign(globalThis, { member });
} catch (/** @type {any} */ error) {
  problem.textContent = sentence(error.message);
  problem.hidden = false;
  find(".state").textContent = "This window is not open.";
  find(".state").className = "state stopped";
}
