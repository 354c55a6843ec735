import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { isFunctionMissing } from './store-errors.ts';

const read = (name: string) => readFileSync(new URL(`./functions/${name}.lua`, import.meta.url), 'utf8');
const retired = read('retired-v1');
const revisionOf = (text: string) => Number(/^-- revision: (\d+)$/m.exec(text)?.[1] ?? 0);
const revision = revisionOf(read('holdfast'));
/** The library says itself which revision it is: to ask for its code would cost Redis its whole text each time. */
const code = `${read('holdfast')}\nregister('revision', function() return ${revision} end, {'no-writes'})\n`;

/**
 * Puts the function library `holdfast_v2` into Redis, unless it is there already in this revision or a newer one: in a
 * rolling upgrade an old auth that restarts must not take the new functions away. Redis persists and replicates it. Where
 * there is the library before it, that answers nobody any more.
 */
export async function loadFunctionLibrary(redis: Redis): Promise<'loaded' | 'present'> {
  const before = await findLibrary(redis, 'holdfast_v1');
  if (before !== undefined && before !== retired) await redis.call('FUNCTION', 'LOAD', 'REPLACE', retired);
  const known = await findLibrary(redis, 'holdfast_v2');
  if (known === code || (known !== undefined && revisionOf(known) > revision)) return 'present';
  await redis.call('FUNCTION', 'LOAD', 'REPLACE', code);
  return 'loaded';
}

/** Whether Redis has the library in this revision or a newer one: one small read. */
export async function hasFunctionLibrary(redis: Redis): Promise<boolean> {
  try {
    return Number(await redis.fcall_ro('holdfast_v2_revision', 0)) >= revision;
  } catch (error) {
    if (isFunctionMissing(error)) return false;
    throw error;
  }
}

async function findLibrary(redis: Redis, name: string): Promise<string | undefined> {
  return findCode(await redis.call('FUNCTION', 'LIST', 'LIBRARYNAME', name, 'WITHCODE'), `#!lua name=${name}`);
}

/** The library's code in the reply of FUNCTION LIST, a map in RESP3 and a flat list of names and values in RESP2. */
function findCode(reply: unknown, shebang: string): string | undefined {
  if (typeof reply === 'string') return reply.startsWith(shebang) ? reply : undefined;
  const parts = reply instanceof Map ? [...reply.values()] : Object.values(reply ?? {});
  return parts.map((part) => findCode(part, shebang)).find((found) => found !== undefined);
}
