// A shopping list that windows keep among themselves, in React. It is written without JSX,
// so that it runs as it lies.
import { StrictMode, createElement as h, useState } from "react";
import { createRoot } from "react-dom/client";
import { open } from "balsa";
import { useBalsa, useStatus } from "./useBalsa.js";

/** @typedef {{ name: string, bought: boolean }} Item */

/** The reducer, the same in all windows. */
function apply(/** @type {{ items: Item[] }} */ state, /** @type {{ add: string } | { buy: string }} */ command) {
  if ("add" in command) state.items.push({ name: command.add, bought: false });
  else for (const item of state.items) item.bought ||= item.name === command.buy;
}

function List({ member }) {
  const items = useBalsa(member, (state) => state.items);
  return h("ul", null, items.map(({ name, bought }, i) => h("li", { key: i },
    h("button", { disabled: bought, onClick: () => member.propose({ buy: name }) }, bought ? "✓" : "buy"), " ", name)));
}

function Standing({ member }) {
  const { leader, waiting, members, stopped } = useStatus(member);
  return h("p", { role: "status" }, stopped?.message ?? (leader ? `${members.length} windows` : waiting));
}

function App({ member }) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState("");
  const add = async (event) => {
    event.preventDefault();
    setName("");
    await member.propose({ add: name }).then(() => setProblem(""), (error) => setProblem(error.message));
  };
  return h("main", null, h("h1", null, "Shopping"),
    h("form", { onSubmit: add }, h("input", { "aria-label": "What to buy", placeholder: "What to buy", value: name, onChange: (event) => setName(event.target.value) })),
    h(List, { member }), h(Standing, { member }), problem && h("p", { role: "alert" }, problem));
}

const { room, secret } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const member = await open({ room, secret, introducer: location.origin.replace("http", "ws"), initial: { items: [] }, apply });
const root = createRoot(document.querySelector("#root"));
root.render(h(StrictMode, null, h(App, { member })));
Object.assign(globalThis, { member, root });
