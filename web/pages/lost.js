// What a person may do when most of the windows that decide are gone for good.
import { isLeftBehind } from "./here.js";

/** How long nobody leads before it is offered: an election takes a second, a window that sleeps comes back. */
const patience = 10_000;

/**
 * Offers it in the strip while it is of use.
 * @param {HTMLElement} strip @param {import("../balsa.js").Member<any, any, any>} member
 */
export function offerRecovery(strip, member) {
  const offer = document.createElement("p");
  offer.className = "offer";
  offer.hidden = true;
  const words = document.createElement("span");
  const button = (/** @type {string} */ name, /** @type {string} */ words, /** @type {() => Promise<unknown>} */ act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.name = name;
    made.textContent = words;
    made.onclick = async () => {
      made.disabled = true;
      await act().catch((error) => alert(error.message));
      made.disabled = false;
    };
    return made;
  };
  const goOn = button("recover", "Go on with what this window has", async () => {
    const { last, known, members } = await member.recover({ dry: true });
    const doubt = last > known ? ` The last ${last - known} changes may be some that nobody was told of.` : "";
    if (confirm(`This window has everything up to change ${last}.${doubt} What only the other windows have is lost, and they (${members}) have to start over. Go on without them?`)) await member.recover();
  });
  const startOver = button("start-over", "Drop what this window has, and join the others", async () => {
    if (confirm("The other windows have gone on without this one. What only this window has is lost. Join them?")) await member.startOver();
  });
  offer.append(words, " ", goOn, startOver);
  strip.querySelector(".state")?.after(offer);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  return member.watch((/** @type {import("../balsa.js").Status} */ status) => {
    const lost = !status.leader && !status.stopped && !status.attached && ["follower", "candidate", "learner"].includes(status.role);
    if (!lost) {
      clearTimeout(waiting);
      waiting = undefined;
      offer.hidden = true;
    } else {
      waiting ??= setTimeout(() => (offer.hidden = false), patience);
    }
    const leftBehind = isLeftBehind(status);
    words.textContent = leftBehind ? "A person had them go on while this window was away, so that it cannot take part any more:" :
      "If the windows that are away come back, all goes on by itself. If they are gone for good:";
    goOn.hidden = leftBehind;
    startOver.hidden = !leftBehind;
  });
}
