// Of docs/web.md, so that its types are checked.
const secret = newSecret();
const render = (/** @type {{ items: string[] }} */ state) => console.log(state.items);
const show = (/** @type {{ leader: string }} */ status) => console.log(status.leader);

import { open, newSecret } from "/balsa/balsa.js"; // hoisted, wherever it stands

const todos = await open({
  room: "team-42", secret, introducer: "wss://example.org",
  initial: { items: [] },
  apply: (/** @type {any} */ state, /** @type {any} */ command, entry) => { state.items.push(command.text); return state.items.length; },
});
await todos.propose({ text: "milk" });          // what apply returned, once most windows have it on disk
todos.subscribe((state) => render(state));      // now, and after every change
await todos.read((state) => state.items.length) // sees all that was acknowledged before, anywhere
todos.status; todos.members; todos.watch((status) => show(status));
await todos.close();                            // in order: the others go on without it
