import { describe, expect, test } from 'vitest';
import { sessionTimeoutMistakes, toSessionTimeouts } from './session-timeouts.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

describe('the timeouts', () => {
  test.each([
    ['nothing', {}, 30 * MINUTE_MS, 12 * HOUR_MS],
    ['AAL1, which asks for no idle timeout', { SESSION_PROFILE: 'aal1' }, 720 * HOUR_MS, 720 * HOUR_MS],
    ['AAL2', { SESSION_PROFILE: 'aal2' }, HOUR_MS, 24 * HOUR_MS],
    ['AAL3', { SESSION_PROFILE: 'aal3' }, 15 * MINUTE_MS, 12 * HOUR_MS],
    ['a stricter idle timeout', { SESSION_PROFILE: 'aal2', SESSION_IDLE_TIMEOUT_MS: 5000 }, 5000, 24 * HOUR_MS],
    ['a stricter end', { SESSION_PROFILE: 'aal2', SESSION_ABSOLUTE_TIMEOUT_MS: HOUR_MS * 2 }, HOUR_MS, 2 * HOUR_MS],
    [
      'an end before the preset idle timeout',
      { SESSION_PROFILE: 'aal1', SESSION_ABSOLUTE_TIMEOUT_MS: 9000 },
      9000,
      9000,
    ],
    ['no profile', { SESSION_IDLE_TIMEOUT_MS: 1000, SESSION_ABSOLUTE_TIMEOUT_MS: 2000 }, 1000, 2000],
  ] as const)('of %s', (_, env, idleTimeoutMs, absoluteTimeoutMs) => {
    expect(sessionTimeoutMistakes(env)).toEqual([]);
    expect(toSessionTimeouts(env)).toEqual({ idleTimeoutMs, absoluteTimeoutMs });
  });

  test('that are longer than the profile allows are all named', () => {
    const env = {
      SESSION_PROFILE: 'aal3',
      SESSION_IDLE_TIMEOUT_MS: 900_001,
      SESSION_ABSOLUTE_TIMEOUT_MS: 43_200_001,
    } as const;
    const mistakes = sessionTimeoutMistakes(env);
    expect(mistakes).toHaveLength(2);
    expect(mistakes.join()).toMatch(
      /SESSION_IDLE_TIMEOUT_MS \(900001\).*aal3.*SESSION_ABSOLUTE_TIMEOUT_MS \(43200001\)/s,
    );
  });

  test('that contradict each other are named, with a profile and without', () => {
    const env = { SESSION_IDLE_TIMEOUT_MS: 2000, SESSION_ABSOLUTE_TIMEOUT_MS: 1000 };
    expect(sessionTimeoutMistakes(env)).toHaveLength(1);
    expect(sessionTimeoutMistakes({ ...env, SESSION_PROFILE: 'aal1' })).toHaveLength(1);
  });
});
