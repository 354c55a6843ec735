import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const code = readFileSync(new URL('./functions/holdfast.lua', import.meta.url), 'utf8');
const revisionOf = (text: string) => Number(/^-- revision: (\d+)$/m.exec(text)?.[1] ?? 0);

/**
 * Puts the function library `holdfast_v1` into Redis, unless it is there already in this revision or a newer one: in a
 * rolling upgrade an old auth that restarts must not take the new functions away. Redis persists and replicates it.
 */
export async function loadFunctionLibrary(redis: Redis): Promise<'loaded' | 'present'> {
  const known = findCode(await redis.call('FUNCTION', 'LIST', 'LIBRARYNAME', 'holdfast_v1', 'WITHCODE'));
  if (known === code || (known !== undefined && revisionOf(known) > revisionOf(code))) return 'present';
  await redis.call('FUNCTION', 'LOAD', 'REPLACE', code);
  return 'loaded';
}

/** The library's code in the reply of FUNCTION LIST, a map in RESP3 and a flat list of names and values in RESP2. */
function findCode(reply: unknown): string | undefined {
  if (typeof reply === 'string') return reply.startsWith('#!lua name=holdfast_v1') ? reply : undefined;
  const parts = reply instanceof Map ? [...reply.values()] : Object.values(reply ?? {});
  return parts.map(findCode).find((found) => found !== undefined);
}
