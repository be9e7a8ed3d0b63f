// Windows that replicate one consistent, durable state among themselves.
//
//   const todos = await open({ room, secret, introducer, initial, apply });
//   await todos.propose({ type: "add", text: "milk" });
//   todos.subscribe((state) => render(state));
import { Guest, Host } from "./lib/attach.js";
import { Calls } from "./lib/calls.js";
import { written } from "./lib/command.js";
import { BalsaError, NotCommittedError, UnknownError } from "./lib/errors.js";
import { Keys, toBase64 } from "./lib/keys.js";
import { Servers, Windows } from "./lib/company.js";
import { version } from "./lib/peers.js";
import { Replica } from "./lib/replica.js";

export { BalsaError, NotCommittedError, UnknownError, version };

/** @typedef {import("./lib/replica.js").Entry} Entry */
/** @typedef {import("./lib/errors.js").Reason} Reason */

/**
 * @template S, C, R
 * @typedef {object} Options
 * @property {string} room the name that all who share this state know it by
 * @property {string | Uint8Array<ArrayBuffer>} secret at least 16 random bytes, as newSecret() makes them: who knows it is in
 * @property {string} [introducer] the address of an introducer, such as wss://example.org, through which windows meet
 * @property {string[]} [servers] instead of it, the addresses of servers of a cluster that lets windows in: this window
 *   is a member of that cluster then, and holds a WebSocket to each of them. Servers that have doors tell where the others
 *   are; without, it needs to be all of them
 * @property {S} initial the state before the first command
 * @property {(state: S, command: C, entry: Entry) => R} apply changes the state and returns the command's result. It
 *   must do the same on all members: no clock, no chance but entry's, nothing from outside. State, commands and results
 *   are JSON, unless save and load say otherwise of the state
 * @property {(state: S) => string} [save] writes the state for a snapshot. Default: JSON.stringify
 * @property {(text: string) => S} [load] reads what save wrote. Default: JSON.parse
 * @property {string} [name] tells apart what one origin has open of one room. Default "balsa"
 * @property {string} [token] lets in where the introducer asks for one
 * @property {boolean} [memory] keep nothing on this device; such a member does not vote
 * @property {boolean} [memoryVotes] let members vote that keep nothing: what was acknowledged is lost with them. Who leads
 *   decides, so give it to all
 * @property {(status: Status) => void} [watch] is told the status from the beginning on, as Member.watch tells it: what open
 *   waits for, too
 * @property {AbortSignal} [signal] ends the waiting
 * @property {(line: string) => void} [log] gets what people who look for a fault should know
 */

/**
 * Another member as this one sees it.
 * @typedef {object} MemberStatus
 * @property {string} name
 * @property {string} id
 * @property {"voter" | "learner" | "leaving"} role
 * @property {boolean} active whether it answered lately; only the leader knows
 * @property {boolean} self
 * @property {boolean} leader
 * @property {"self" | "direct" | "relay" | "server" | "connecting" | "none"} connection server: a WebSocket to that server
 */

/**
 * What a recovery keeps.
 * @typedef {object} Recovery
 * @property {number} known up to where entries are known to be committed
 * @property {number} last the last entry, that counts as committed from now on
 * @property {number} term of that entry
 * @property {string} members who belonged to the former cluster
 */

/**
 * How this member stands, as of a tenth of a second ago at most.
 * @typedef {object} Status
 * @property {string} name
 * @property {string} role leader, candidate, follower, learner, founding, joining, removed, repairing; "" before it runs
 * @property {string} leader its name, "" if none is known
 * @property {number} term
 * @property {number} commit
 * @property {number} applied
 * @property {string} waiting why nothing is committed: there is no leader, or no room on this device; "" if nothing waits
 * @property {boolean} durable whether what is acknowledged is kept on this device
 * @property {boolean} attached whether this window is a guest of another one of this browser, which has the member
 * @property {boolean} persisted whether the browser has promised to keep it when room gets short
 * @property {"connecting" | "here" | "away" | "over"} introducer how it stands with the introducer, or at best with a server
 * @property {string} problem what is wrong with the introducer or the member, "" if nothing is
 * @property {BalsaError | undefined} stopped why this member has stopped
 * @property {MemberStatus[]} members
 */

/** A secret for a new room: share it with those who are to be in it, and nobody else. */
export function newSecret() {
  return toBase64(crypto.getRandomValues(new Uint8Array(32))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/**
 * Opens this window's member of a room. The promise is kept once what is stored on this
 * device is restored; others may be needed before anything can be proposed or read.
 * @template S, C, R
 * @param {Options<S, C, R>} options
 * @returns {Promise<Member<S, C, R>>}
 */
export async function open(options) {
  checkPlace();
  checkOptions(options);
  const keys = await Keys.derive(options.room, options.secret);
  const member = new Member(options, keys);
  if (options.watch) member.watch(options.watch);
  try {
    await member.start();
    return member;
  } catch (error) {
    // Who only waited in vain wants to know for what.
    const why = options.signal?.aborted ? member.status.problem : "";
    await member.close();
    throw why ? new BalsaError("introducer", why) : error;
  }
}

function checkPlace() {
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) {
    throw new BalsaError("unsupported", "this page was served over plain HTTP, where browsers keep files, locks and cryptography away: serve it over HTTPS, or from localhost");
  }
  if (!navigator.locks || !globalThis.Worker || !globalThis.WebAssembly) {
    throw new BalsaError("unsupported", "this browser is too old: it needs WebAssembly, module Workers and Web Locks");
  }
}

/** @param {Options<any, any, any>} options */
function checkOptions(options) {
  const wrong = (/** @type {string} */ message) => {
    throw new BalsaError("wrong-options", message);
  };
  if (typeof options?.room !== "string") wrong("room must be text, the name that all who share this state know it by");
  if (typeof options.secret !== "string" && !(options.secret instanceof Uint8Array)) wrong("secret must be text or bytes, the same on all windows; newSecret() makes one");
  const doors = options.servers ?? [options.introducer];
  if (options.servers && (options.introducer || !Array.isArray(options.servers) || doors.length === 0)) wrong("servers must be the addresses of servers of a cluster, and takes the place of introducer");
  const address = (/** @type {unknown} */ door) => typeof door === "string" && /^wss?:\/\//.test(door);
  if (options.servers && !doors.every(address)) wrong("servers must be addresses that begin with wss:// (or ws:// on this machine)");
  if (!doors.every(address)) wrong("introducer must be an address that begins with wss:// (or ws:// on this machine)");
  if (typeof options.apply !== "function") wrong("apply must be a function (state, command, entry) that changes the state");
  if (options.watch !== undefined && typeof options.watch !== "function") wrong("watch must be a function (status)");
  if (options.initial === undefined) wrong("initial must be the state before the first command");
  try {
    (options.save ?? JSON.stringify)(options.initial);
  } catch (error) {
    wrong(`initial must be something that ${options.save ? "save" : "JSON"} can write: ${error}`);
  }
}

/** Breaks when a signal does. @param {AbortSignal} signal @returns {Promise<never>} */
const aborted = (signal) => new Promise((_, failed) => {
  if (signal.aborted) failed(signal.reason);
  signal.addEventListener("abort", () => failed(signal.reason), { once: true });
});

/** How long nobody has led when it is no election any more, in milliseconds. */
const election = 5_000;

/** @template S, C, R */
export class Member {
  /** @param {Options<S, C, R>} options @param {Keys} keys */
  constructor(options, keys) {
    this.options = options;
    this.keys = keys;
    this.place = options.name ?? "balsa";
    this.lockName = `balsa/window/${this.place}/${keys.id}`;
    /** @type {Replica<S, C, R>} */
    this.replica = new Replica(options.initial, {
      apply: options.apply, save: options.save ?? JSON.stringify, load: options.load ?? JSON.parse,
    });
    /** @type {Calls | Guest} */
    this.calls = new Calls((word, moved) => this.post(word, moved), this.replica.results);
    /** Kept once calls are taken, where that changes hands. @type {Promise<void> | undefined} */
    this.changing = undefined;
    /** @type {Set<(status: Status) => void>} */
    this.watchers = new Set();
    /** @type {Status} */
    this.status = {
      name: "", role: "", leader: "", term: 0, commit: 0, applied: 0, waiting: "", durable: false, attached: false, persisted: false,
      introducer: "connecting", problem: "", stopped: undefined, members: [],
    };
    this.ended = new AbortController();
    /** Lets go of what lock took. @type {(() => void) | undefined} */
    this.unlock = undefined;
    /**
     * Who waits for which word of the Worker.
     * @type {{ type: string, resolve: (word: any) => void, reject: (error: Error) => void } | undefined}
     */
    this.awaited = undefined;
    /** @type {Worker | undefined} */
    this.worker = undefined;
    /** @type {Host | undefined} */
    this.host = undefined;
    /** What the Worker said of itself last. @type {{ id: string, leader_id: string, members: any[] } | undefined} */
    this.hearsay = undefined;
    /** Since when nobody leads. */
    this.leaderless = performance.now();
  }

  /** The state now. Read it, and change it by proposing alone. */
  get state() {
    return this.replica.state;
  }

  /** How often the state has changed: a cheap way to see whether it has. */
  get version() {
    return this.replica.version;
  }

  /** All members of the cluster, as far as this one knows. */
  get members() {
    return this.status.members;
  }

  /** @internal */
  async start() {
    const signal = this.options.signal ? AbortSignal.any([this.options.signal, this.ended.signal]) : this.ended.signal;
    if (await this.lock({ ifAvailable: true })) return this.run(signal);
    const guest = new Guest(this.lockName, this);
    this.calls = guest;
    const turn = this.lock({ signal: this.ended.signal }).then((held) => (held ? this.takeOver() : undefined), () => {});
    await Promise.race([guest.attached, turn, aborted(signal)]);
  }

  /** The window that had the member is gone, and this one has its place. @private */
  async takeOver() {
    const gone = new BalsaError("closed", "the window that had the member was closed; this one takes over");
    const run = async () => {
      this.calls.end(gone);
      this.calls = new Calls((word, moved) => this.post(word, moved), this.replica.results);
      this.replica.reset();
      this.change({ attached: false, role: "", leader: "", waiting: gone.message });
      await this.run(this.ended.signal);
    };
    this.changing = run();
    await this.changing.catch((error) => this.stop(error instanceof BalsaError ? error : new BalsaError("other", String(error))));
    this.changing = undefined;
  }

  /** Runs the member in this window. @private @param {AbortSignal} signal */
  async run(signal) {
    void navigator.storage?.persist?.().then((granted) => this.change({ persisted: granted }));
    const prepared = await this.prepare({}, signal);
    const name = prepared.name || this.newName(prepared.durable);
    this.change({ name, durable: prepared.durable });
    const way = { keys: this.keys, member: name, token: this.options.token };
    this.company = this.options.servers ? new Servers(this.options.servers, way) : new Windows(/** @type {string} */ (this.options.introducer), way, prepared.belongs);
    this.company.onstate = () => this.hearCompany();
    this.company.onhere = (addr) => this.post({ type: "here", addr });
    this.company.onchannel = (channel) => this.post({ type: "incoming", channel }, [/** @type {any} */ (channel)]);
    const { json } = await this.join(prepared.belongs, name, signal);
    this.hearStatus(JSON.parse(json));
    this.host = new Host(this.lockName, this);
    addEventListener("pagehide", (this.onhide = () => this.company?.bye()));
    document.addEventListener("visibilitychange", (this.onvisible = () => {
      if (document.visibilityState === "hidden") this.post({ type: "hidden" });
    }));
  }

  /**
   * Takes this origin's member of the room. Windows of one origin and room share its files,
   * and this lock says who has them. False says that another window has.
   * @private @param {LockOptions} how @returns {Promise<boolean>}
   */
  lock(how) {
    const until = new Promise((resolve) => (this.unlock = () => resolve(undefined)));
    return new Promise((taken, failed) => {
      navigator.locks.request(this.lockName, how, (lock) => {
        taken(lock !== null);
        return lock && until;
      }).catch(failed);
    });
  }

  /** @private @param {{ forget?: boolean, recover?: boolean, dry?: boolean }} how @param {AbortSignal} signal */
  async prepare(how, signal) {
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "balsa" });
    this.worker.onerror = (event) => this.stop(new BalsaError("load", `the member's Worker has failed: ${event.message ?? "it cannot be loaded"}`));
    this.worker.onmessage = ({ data }) => this.hear(data);
    await this.word("loaded", signal);
    this.post({ type: "prepare", path: ["balsa", this.place, this.keys.id], memory: this.options.memory ?? false, ...how });
    return this.word("prepared", signal);
  }

  /** Says how the member stands then. @private @param {boolean} belongs @param {string} name @param {AbortSignal} signal @returns {Promise<{ json: string }>} */
  async join(belongs, name, signal) {
    /** @type {string[]} */
    let join = [];
    if (!belongs) {
      this.company?.belong(false);
      join = (await this.company?.sought(signal)) ?? []; // nobody: it founds
    }
    this.post({
      type: "start", name, addr: "room:" + name, found: join.length === 0, join, servers: this.options.servers !== undefined,
      hash: !this.options.save, memoryVotes: this.options.memoryVotes ?? false,
    });
    return this.word("started", signal);
  }

  /** A name for a member that has none yet. @private @param {boolean} durable */
  newName(durable) {
    const chance = crypto.getRandomValues(new Uint8Array(8));
    const name = [...chance].map((b) => b.toString(16).padStart(2, "0")).join("");
    return durable ? name : "memory-" + name;
  }

  /** @private @param {object} word @param {Transferable[]} [moved] */
  post(word, moved = []) {
    this.worker?.postMessage(word, moved);
  }

  /**
   * Waits for a word of the Worker.
   * @private @param {string} type @param {AbortSignal} signal @returns {Promise<any>}
   */
  word(type, signal) {
    return new Promise((resolve, reject) => {
      if (this.status.stopped) return reject(this.status.stopped);
      const abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      this.awaited = {
        type,
        resolve: (/** @type {any} */ word) => (signal.removeEventListener("abort", abort), resolve(word)),
        reject: (/** @type {Error} */ error) => (signal.removeEventListener("abort", abort), reject(error)),
      };
    });
  }

  /** @private */
  hearCompany() {
    const problem = this.status.stopped?.message ?? this.company?.problem ?? "";
    if (problem && problem !== this.status.problem) this.options.log?.(problem);
    this.change({ introducer: this.company?.state, problem });
  }

  /** @private @param {any} word */
  hear(word) {
    switch (word.type) {
      case "apply":
        return this.apply(word.data);
      case "say":
        return this.say();
      case "save":
        return this.answer(word, this.replica.save());
      case "load":
        return this.answer(word, this.replica.load(word.data));
      case "outcomes":
        return this.calls instanceof Calls ? this.calls.outcomes(word.data) : undefined;
      case "dial":
        return this.dial(word);
      case "status":
        return this.hearStatus(JSON.parse(word.json));
      case "log":
        return this.options.log?.(word.line.trimEnd());
      case "failed":
        return this.stop(new BalsaError(word.reason, word.message));
    }
    if (this.awaited?.type === word.type) this.awaited?.resolve(word);
  }

  /** @private @param {ArrayBuffer} commands */
  apply(commands) {
    const { broken } = this.replica;
    const now = this.replica.apply(commands);
    if (this.replica.broken && !broken) this.post({ type: "threw", ...this.replica.broken });
    if (now) this.say();
  }

  /** Says what commands came to. @private */
  say() {
    const results = this.replica.results.say();
    if (results) this.post({ type: "results", results }, [results]);
  }

  /** @private @param {{ token: number }} word @param {{ data?: ArrayBuffer, error?: string }} answer */
  answer(word, answer) {
    this.post({ type: "answer", token: word.token, ...answer }, answer.data ? [answer.data] : []);
  }

  /** @private @param {{ token: number, addr: string }} word */
  async dial(word) {
    const { channel, gone } = (await this.company?.dial(word.addr)) ?? { channel: undefined, gone: false };
    if (channel) {
      return this.post({ type: "answer", token: word.token, channel }, [/** @type {any} */ (channel)]);
    }
    this.post({ type: "answer", token: word.token, gone, reason: gone ? "nobody of that name is in the room" : "there is no connection yet" });
  }

  /** @private @param {any} word */
  hearStatus(word) {
    this.hearsay = word;
    void this.company?.know(word.members);
    if (word.stopped) this.stop(new BalsaError(word.stopped.reason, word.stopped.message));
    this.change({
      role: word.role, leader: word.leader, term: word.term, commit: word.commit, applied: word.applied,
      waiting: word.waiting ?? "", durable: word.is_durable,
    });
    if (word.role === "removed") void this.rejoin();
    else if (word.role && word.role !== "founding" && word.role !== "joining") this.company?.belong(true);
  }

  /** The cluster went on without this member while it was away: it comes back as a new one. @private */
  async rejoin() {
    if (this.changing || this.ended.signal.aborted) return;
    await this.restart("the cluster went on without this member, which was away for too long; it joins again as a new one", { forget: true });
  }

  /** Ends the member, and runs it again. @private @param {string} why @param {{ forget?: boolean, recover?: boolean, dry?: boolean }} how */
  async restart(why, how) {
    /** @type {any} */
    let prepared;
    const run = async () => {
      this.worker?.terminate();
      this.calls.end(new BalsaError("removed", why));
      this.calls = new Calls((word, moved) => this.post(word, moved), this.replica.results);
      this.replica.reset();
      prepared = await this.prepare(how, this.ended.signal);
      await this.join(prepared.belongs, this.status.name, this.ended.signal);
    };
    this.changing = run();
    await this.changing.catch((error) => this.stop(error instanceof BalsaError ? error : new BalsaError("other", String(error))));
    this.changing = undefined;
    return prepared;
  }

  /** @private @param {Partial<Status>} what */
  change(what) {
    if (this.status.leader && what.leader === "") this.leaderless = performance.now();
    const { id, leader_id: leader, members: known } = this.hearsay ?? { id: "", leader_id: "", members: [] };
    const members = known.map((m) => ({
      name: m.name, id: m.id, role: m.role, active: m.active, self: m.id === id, leader: m.id === leader,
      connection: m.id === id ? /** @type {const} */ ("self") : (this.company?.kind(m) ?? "none"),
    }));
    this.status = { ...this.status, ...what, members };
    for (const tell of this.watchers) tell(this.status);
  }

  /** Takes over the status of the window that this one is a guest of. @internal @param {Status} status */
  adopt(status) {
    this.status = status;
    for (const tell of this.watchers) tell(this.status);
  }

  /** @private @param {BalsaError} why */
  stop(why) {
    this.calls.end(why);
    if (!this.status.stopped) this.change({ stopped: why, problem: why.message });
    this.awaited?.reject(why);
  }

  /**
   * Replicates a command. The promise is kept with what apply returned for it, once a
   * majority has it and it was applied here; however often it had to be sent, it is
   * applied once. A NotCommittedError says that it never happens, an UnknownError that
   * it may.
   * @param {C} command
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<R>}
   */
  propose(command, { signal } = {}) {
    /** @type {string} */
    let text;
    try {
      text = written(command);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.changing ? this.changing.then(() => this.calls.propose(text, signal)) : this.calls.propose(text, signal);
  }

  /**
   * Reads the state as it is once all that was acknowledged before, anywhere, is in it.
   * @template T
   * @param {(state: S) => T} look
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<T>}
   */
  async read(look, { signal } = {}) {
    await this.changing;
    await this.calls.read(signal);
    return look(this.state);
  }

  /** Calls tell now, and after every change of the state. @param {(state: S) => void} tell @returns {() => void} ends it */
  subscribe(tell) {
    return this.replica.subscribe(tell);
  }

  /** Calls tell now, and after every change of the status. @param {(status: Status) => void} tell @returns {() => void} ends it */
  watch(tell) {
    const own = (/** @type {Status} */ status) => tell(status);
    this.watchers.add(own);
    own(this.status);
    return () => void this.watchers.delete(own);
  }

  /**
   * The last resort when most of those who vote are gone for good, and nobody leads: makes
   * the member of this device the only one of a new cluster, with all entries of its log. The
   * last of them may never have been committed, and what only the lost windows had is gone.
   * With dry nothing changes, and it only says how this member stands: of several windows
   * that are left, recover the one whose term is the highest, and of those the one whose last
   * is. The others then startOver. A BalsaError with the reason "refused" says why it is not
   * what this member needs; it goes on as it was.
   * @param {{ dry?: boolean }} [options]
   * @returns {Promise<Recovery>}
   */
  async recover({ dry = false } = {}) {
    await this.changing;
    if (this.status.leader) throw new BalsaError("refused", `there is nothing to recover: ${this.status.leader} leads`);
    if (performance.now() - this.leaderless < election) throw new BalsaError("refused", "there may be nothing to recover: this member has looked for a leader for a moment only");
    this.own("recover");
    if (!this.status.durable) throw new BalsaError("refused", "this member is kept in memory alone: what it had would be lost with the attempt");
    const { refused, recovery } = (await this.restart("the member starts anew, to be recovered", { recover: true, dry })) ?? {};
    if (!recovery) throw new BalsaError("refused", refused ?? this.status.problem);
    return recovery;
  }

  /**
   * Drops what this device has of the room, and joins those who are there as a new member:
   * after another window was recovered, whose cluster this one is not of.
   */
  async startOver() {
    await this.changing;
    this.own("start over");
    await this.restart("the member starts over, as a new one", { forget: true });
  }

  /** @private @param {string} what */
  own(what) {
    if (this.status.attached) throw new BalsaError("refused", `this window is a guest of another one of this browser: ${what} in that one, which has the member`);
    if (this.status.stopped) throw this.status.stopped;
  }

  /** Leaves in order: the others go on without this member, until it is opened again. */
  async close() {
    if (this.worker && this.hearsay && !this.status.stopped) {
      const closed = this.word("closed", AbortSignal.timeout(8_000));
      this.post({ type: "close" });
      await closed.catch(() => {});
    }
    this.ended.abort(new BalsaError("closed", "this member is closed"));
    this.calls.end(new BalsaError("closed", "this member is closed"));
    this.worker?.terminate();
    this.host?.close();
    this.company?.close();
    if (this.onhide) removeEventListener("pagehide", this.onhide);
    if (this.onvisible) document.removeEventListener("visibilitychange", this.onvisible);
    this.unlock?.();
    this.change({ role: "", stopped: this.status.stopped ?? new BalsaError("closed", "this member is closed") });
  }
}
