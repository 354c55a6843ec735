import { execFileSync } from 'node:child_process';

const setinfo = '+client|setinfo';
const known = new Map<string, boolean>();

/**
 * The ACL rules as that server program takes them: before Redis 7.2 there is no CLIENT SETINFO, and a rule that names
 * an unknown command stops the start.
 */
export function supportedRules(program: string, rules: readonly string[]): string[] {
  let hasSetinfo = known.get(program);
  if (hasSetinfo === undefined) {
    const [, major, minor] = / v=(\d+)\.(\d+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' })) ?? [];
    hasSetinfo = Number(major) * 100 + Number(minor) >= 702;
    known.set(program, hasSetinfo);
  }
  return hasSetinfo ? [...rules] : rules.filter((rule) => rule !== setinfo);
}
