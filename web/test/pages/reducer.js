// The reducer of servers.js, as docs/web.md says what one exports.
export const initial = { items: /** @type {string[]} */ ([]) };

/** @type {(state: typeof initial, command: { text: string }) => number} */
export const apply = (state, command) => state.items.push(command.text);
