// Who sits at this window: an identity of its own, so that each window undoes what was done
// in it, and a name that people can tell apart. A reload keeps both.
const names = [
  "Otter", "Heron", "Lynx", "Wren", "Badger", "Marten", "Finch", "Hare", "Newt", "Raven", "Stoat", "Tern", "Vole", "Kestrel", "Moth", "Toad",
];
const memory = "balsa person";
const longest = 24;

export function whoAmI() {
  const random = () => [...crypto.getRandomValues(new Uint8Array(6))].map((b) => b.toString(16).padStart(2, "0")).join("");
  /** @type {{ id: string, name: string }} name is "" before there is one */
  const own = JSON.parse(sessionStorage.getItem(memory) ?? "null") ?? { id: random(), name: "" };
  const keep = (/** @type {string} */ name) => {
    own.name = name.trim().slice(0, longest) || own.name;
    sessionStorage.setItem(memory, JSON.stringify(own));
  };
  keep(own.name);
  return {
    id: own.id,
    get name() {
      return own.name;
    },
    rename: keep,
    /** Picks a name that is not taken, if there is one left. @param {string[]} taken */
    pick(taken) {
      const free = names.filter((name) => !taken.includes(name));
      const from = free.length > 0 ? free : names;
      keep(from[Math.floor(Math.random() * from.length)]);
    },
  };
}
