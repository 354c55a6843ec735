/** Calls back once the process that started this one is gone; see watch-parent.mjs. */
export function watchParent(onGone: () => void): void;
