// Hooks for a member: a component renders again when the state has changed, or how the
// member stands. Nothing of this is in the package, so that it needs no React.
import { useCallback, useSyncExternalStore } from "react";

/**
 * What select reads of the state, all of it by default. The state is changed in place, so
 * hand values on to memoised components, not objects of it.
 * @template S, T
 * @param {import("balsa").Member<S, any, any>} member
 * @param {(state: S) => T} [select]
 */
export function useBalsa(member, select = (state) => /** @type {any} */ (state)) {
  const subscribe = useCallback((tell) => member.subscribe(tell), [member]);
  useSyncExternalStore(subscribe, () => member.version);
  return select(member.state);
}

/** Role, leader, members and what is wrong. @param {import("balsa").Member<any, any, any>} member */
export function useStatus(member) {
  const subscribe = useCallback((tell) => member.watch(tell), [member]);
  return useSyncExternalStore(subscribe, () => member.status);
}
