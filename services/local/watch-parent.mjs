// Plain JavaScript, as bootstrap.mjs, which needs it before Node 24 is there.
import { readFileSync } from 'node:fs';

/**
 * Calls back once the process that started this one is gone: nobody could tell us to stop any more. That it was gone before we could look
 * shows on Linux by the process group, which who starts us has in common with us, and who adopts orphans has not.
 *
 * @param {() => void} onGone
 */
export function watchParent(onGone) {
  const { ppid } = process;
  const check = () => {
    if (process.ppid === ppid && !isAdopted(ppid)) return;
    clearInterval(timer);
    onGone();
  };
  const timer = setInterval(check, 250).unref();
  check();
}

/** @param {number} ppid */
function isAdopted(ppid) {
  const own = readGroup(process.pid);
  // Whoever has a group of its own was meant to be on its own; elsewhere than on Linux there is nothing to read.
  const theirs = readGroup(ppid);
  return own !== undefined && own !== process.pid && theirs !== undefined && theirs !== own;
}

/**
 * @param {number} pid
 * @returns {number | undefined} the process group
 */
function readGroup(pid) {
  try {
    // A name may hold blanks and parentheses: the fields begin behind the last one (proc_pid_stat(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return Number(fields[2]);
  } catch {
    return undefined;
  }
}
