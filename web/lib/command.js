// Commands as JSON, for members and for callers.
import { NotCommittedError } from "./errors.js";

/** A command as it is replicated. What it throws is a NotCommittedError. @param {unknown} command */
export function written(command) {
  let text;
  let why = `it is ${typeof command}`;
  try {
    text = JSON.stringify(command);
  } catch (error) {
    why = String(error);
  }
  if (text === undefined) throw new NotCommittedError("wrong-options", `a command must be something that JSON can write: ${why}`);
  return text;
}
