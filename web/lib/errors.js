// What can go wrong, told apart by what a program does about it.

/**
 * Why something failed, in a word.
 * @typedef {typeof reasons[number]} Reason
 */
export const reasons = /** @type {const} */ ([
  "no-leader", "overloaded", "too-large", "session-expired", "result-lost", "no-space", "removed", "refused", "locked", "diverged", "damaged",
  "cluster-version", "newer-version", "closed", "aborted", "wrong-options", "unsupported", "introducer", "wrong-secret", "reducer", "load", "unauthenticated", "forbidden",
  "compacted", "deadline", "other",
]);

/** Every error of this package. */
export class BalsaError extends Error {
  /**
   * @param {Reason} reason why, for programs
   * @param {string} message why, for people, and what to do
   */
  constructor(reason, message) {
    super(message);
    this.name = "BalsaError";
    this.reason = reason;
  }
}

/** It has not happened, and never will: try again. */
export class NotCommittedError extends BalsaError {
  /** @param {Reason} reason @param {string} message */
  constructor(reason, message) {
    super(reason, message);
    this.name = "NotCommittedError";
  }
}

/** It may have happened, or may yet: trying again may make it happen twice. */
export class UnknownError extends BalsaError {
  /** @param {Reason} reason @param {string} message */
  constructor(reason, message) {
    super(reason, message);
    this.name = "UnknownError";
  }
}
