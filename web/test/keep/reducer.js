// A list of words: the reducer that windows and servers of the test share.
export const initial = { words: [] };

export function apply(state, word, { index }) {
  if (typeof word !== "string") return { refused: word };
  state.words.push(word);
  return { length: state.words.length, index };
}

export const query = (state, at) => (at === undefined ? state.words : state.words[at]);
