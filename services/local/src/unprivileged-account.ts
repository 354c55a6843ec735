import { readFileSync } from 'node:fs';
import type { RunAs } from './managed-process.ts';

export interface Account extends RunAs {
  uid: number;
  gid: number;
}

// Bits of a capability set, from linux/capability.h.
const DAC_OVERRIDE = 1n << 1n;
const DAC_READ_SEARCH = 1n << 2n;

/**
 * Who runs a program that refuses to run as root, when we are root; undefined when we are not. The clone may lie below
 * a folder that only root may enter, as /root is, so the account keeps the right to pass through folders.
 */
export function findUnprivilegedAccount(names: readonly string[] = ['postgres', 'nobody']): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entries = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of names) {
    const entry = entries.find(([user]) => user === name);
    if (entry) return { user: name, uid: Number(entry[2]), gid: Number(entry[3]), capabilities: passage() };
  }
  throw new Error(`There is no account ${names.join(' or ')}: create one, or run this as another user than root.`);
}

/** Containers often have only the wider of the two. */
function passage(): string[] {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const set = BigInt(`0x${effective}`);
  if (set & DAC_READ_SEARCH) return ['dac_read_search'];
  return set & DAC_OVERRIDE ? ['dac_override'] : [];
}
