import { expect, test } from 'vitest';
import { toSession } from './validation.ts';

test('a session has times that can be told, whatever an earlier library says about when it was last seen', () => {
  const createdAtMs = 1_764_374_155_000;
  const absoluteExpiresAtMs = createdAtMs + 43_200_000;
  for (const seen of [
    'inf',
    '-inf',
    'nan',
    '',
    'x',
    '-1',
    '1e300',
    '0x10',
    '99999999999999999999',
    null,
    undefined,
    [],
  ]) {
    const session = toSession('id', [
      '"user",["customer"],["pwd"],0',
      createdAtMs,
      seen,
      1_800_000,
      absoluteExpiresAtMs,
    ]);
    for (const timeMs of [session.lastSeenAtMs, session.idleExpiresAtMs]) {
      expect(() => new Date(timeMs).toISOString(), String(seen)).not.toThrow();
      expect(timeMs).toBeLessThanOrEqual(absoluteExpiresAtMs);
    }
  }
});
