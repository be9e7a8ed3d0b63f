// A short tour for the first visit: it looks at a leader, writes, kills the leader, and
// writes again.
import { act, put, through } from "./api.js";
import { $, announce, say } from "./dom.js";
import { time } from "./format.js";
import { answers, leader, model, named } from "./model.js";

const taken = "balsa-tour-taken";
let step = -1, steps = [], memory = {};

/** Writes through the page's own member, or another one if that was killed. */
const write = (text) => async () => {
  const began = performance.now(), own = named(model.self);
  const other = own && !answers(own) && (leader() ?? model.members.find(answers));
  memory.index = (await put("tour", text, other ? through(other.name) : {})).version;
  memory.took = performance.now() - began;
};

/** Where members may be hurt. */
const hurting = () => [
  {
    title: "Three members keep one state", at: "picture",
    text: () => (model.leader ? `${model.leader} leads: the others gave it their votes in term ${model.term}. They follow what it writes into its log.` : "They are electing a leader…"),
    ready: () => !!model.leader,
  },
  {
    title: "Write something", at: "lanes", does: "Write tour = hello", run: write("hello"),
    text: () => (memory.index ? `Done in ${time(memory.took)}: entry ${memory.index} is on the disks of a majority, and so committed. The lanes show it on each member.` : "Any member takes it. The leader puts it into its log, and sends it to the others at the same time."),
    ready: () => !!memory.index,
  },
  {
    title: "Kill the leader", at: "picture", does: () => `Kill ${memory.victim ?? model.leader}`, can: () => !!model.leader,
    run: async () => {
      memory.victim = model.leader;
      memory.index = 0;
      memory.killed = performance.now();
      await act("kill", memory.victim);
    },
    text: () => {
      if (!memory.victim) return "As if its process died: no goodbye, its connections break. Watch the picture.";
      return memory.elected ? `${model.leader} leads now, in term ${model.term}. The two that are left are a majority of three.` : `${memory.victim} is gone. The others notice, and elect…`;
    },
    ready: () => {
      if (memory.victim && !memory.elected && model.leader && model.leader !== memory.victim) memory.elected = true;
      return !!memory.elected;
    },
  },
  {
    title: "Write again", at: "lanes", does: "Write tour = still here", run: write("still here"),
    text: () => (memory.index ? `Done in ${time(memory.took)}: entry ${memory.index}, on two members. ${memory.victim}'s lane stays behind.` : "Nothing that was acknowledged is lost, and nothing has to be repaired by hand."),
    ready: () => !!memory.index,
  },
  {
    title: "Bring it back", at: "picture", does: () => `Start ${memory.victim}`, run: () => act("start", memory.victim),
    text: () => (isBack() ? `${memory.victim} is back: it has got what it missed, and follows ${model.leader}.` : "It reads its own log first, and then asks the leader for the rest."),
    ready: isBack,
  },
  {
    title: "Now hurt them yourself", at: "proof", does: "Let the writers write", run: () => act("write"),
    text: () => "Four writers count what is acknowledged, and prove that none of it is lost, while you cut links, fill disks and flip bytes.",
    ready: () => true,
  },
];

function isBack() {
  const m = model.members.find((m) => m.name === memory.victim);
  const to = leader();
  return !!m && !!to && answers(m) && m.report.applied >= memory.index && m.report.leader === to.name;
}

/** Where they are in earnest: nobody is killed, and nothing is written unasked. */
const looking = () => [
  {
    title: "The members of this cluster", at: "picture",
    text: () => (model.leader ? `${model.leader} leads in term ${model.term}. Links are as ${model.self} and those that it hears know them.` : "There is no leader at the moment."),
    ready: () => true,
  },
  { title: "Their logs", at: "lanes", text: () => "A lane a member, the newest entry to the right. Choose one to see what it holds.", ready: () => true },
  { title: "Keys and values", at: "console-form", text: () => "The console writes and reads through this member. To kill leaders without regret, run: balsa demo", ready: () => true },
];

export function build() {
  $("tour-open").addEventListener("click", () => begin());
  $("tour-close").addEventListener("click", () => end());
  $("tour-next").addEventListener("click", () => go(step + 1));
  $("tour-do").addEventListener("click", () => perform());
  $("tour").addEventListener("keydown", (event) => event.key === "Escape" && end());
}

/** Begins the tour by itself on the first visit. */
export function greet() {
  if (!localStorage.getItem(taken)) begin(false);
}

function begin(focus = true) {
  memory = {};
  steps = model.stage && model.admin ? hurting() : looking();
  go(0, focus);
}

function end() {
  localStorage.setItem(taken, "yes");
  spot("");
  step = -1;
  $("tour").hidden = true;
  $("tour-open").focus();
}

function go(to, focus = true) {
  if (to >= steps.length) return end();
  step = to;
  if (steps[step].title === "Write again") memory.index = 0;
  $("tour").hidden = false;
  spot(steps[step].at);
  show();
  if (focus) $("tour-title").focus();
}

/** Puts a frame around what a step is about. */
function spot(id) {
  document.querySelector(".spot")?.classList.remove("spot");
  const node = id && $(id);
  if (!node) return;
  node.classList.add("spot");
  node.scrollIntoView({ block: innerHeight < 900 ? "start" : "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

async function perform() {
  const mine = steps[step];
  memory.busy = true;
  memory.error = "";
  show();
  try {
    await mine.run();
  } catch (error) {
    memory.error = error.message;
    announce(error.message);
  }
  memory.busy = false;
  if (step === steps.length - 1 && !memory.error) return end();
  show();
}

export function show() {
  if (step < 0) return;
  const mine = steps[step], ready = mine.ready();
  say($("tour-step"), `Step ${step + 1} of ${steps.length}`);
  say($("tour-title"), mine.title);
  say($("tour-text"), memory.error || mine.text());
  const does = typeof mine.does === "function" ? mine.does() : mine.does;
  const last = step === steps.length - 1;
  $("tour-do").hidden = !does || (ready && !last);
  $("tour-do").disabled = memory.busy || (mine.can && !mine.can());
  say($("tour-do"), does ?? "");
  $("tour-next").disabled = !ready;
  $("tour-next").classList.toggle("primary", ready && (!does || !last));
  say($("tour-next"), last ? "Done" : "Next");
}
