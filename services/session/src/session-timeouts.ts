import type { SessionEnvironment } from './session-config.ts';

export interface SessionTimeouts {
  idleTimeoutMs: number;
  absoluteTimeoutMs: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * The longest timeouts that NIST SP 800-63B-4 has for an assurance level (sections 2.1.3, 2.2.3 and 2.3.3). AAL1 asks for
 * no idle timeout. The levels ask for more than timeouts; nothing else of them follows from here.
 */
const profiles: Record<NonNullable<SessionEnvironment['SESSION_PROFILE']>, SessionTimeouts> = {
  aal1: { idleTimeoutMs: 30 * DAY_MS, absoluteTimeoutMs: 30 * DAY_MS },
  aal2: { idleTimeoutMs: 60 * MINUTE_MS, absoluteTimeoutMs: DAY_MS },
  aal3: { idleTimeoutMs: 15 * MINUTE_MS, absoluteTimeoutMs: DAY_MS / 2 },
};
const withoutProfile: SessionTimeouts = { idleTimeoutMs: 30 * MINUTE_MS, absoluteTimeoutMs: DAY_MS / 2 };

type TimeoutEnvironment = Pick<
  Partial<SessionEnvironment>,
  'SESSION_PROFILE' | 'SESSION_IDLE_TIMEOUT_MS' | 'SESSION_ABSOLUTE_TIMEOUT_MS'
>;

/** The timeouts that are in force: a variable of its own, else the profile's, else 30 minutes and 12 hours. */
export function toSessionTimeouts(env: TimeoutEnvironment): SessionTimeouts {
  const preset = env.SESSION_PROFILE === undefined ? withoutProfile : profiles[env.SESSION_PROFILE];
  const absoluteTimeoutMs = env.SESSION_ABSOLUTE_TIMEOUT_MS ?? preset.absoluteTimeoutMs;
  // Only what somebody wrote down can contradict a shorter absolute timeout.
  const idleTimeoutMs = env.SESSION_IDLE_TIMEOUT_MS ?? Math.min(preset.idleTimeoutMs, absoluteTimeoutMs);
  return { idleTimeoutMs, absoluteTimeoutMs };
}

/** What contradicts itself in the timeouts: one text for each mistake. */
export function sessionTimeoutMistakes(env: TimeoutEnvironment): string[] {
  const { SESSION_PROFILE: name, SESSION_IDLE_TIMEOUT_MS: idleMs, SESSION_ABSOLUTE_TIMEOUT_MS: absoluteMs } = env;
  const mistakes: string[] = [];
  if (idleMs !== undefined && absoluteMs !== undefined && idleMs > absoluteMs) {
    mistakes.push(
      `SESSION_IDLE_TIMEOUT_MS (${idleMs}) is larger than SESSION_ABSOLUTE_TIMEOUT_MS (${absoluteMs}): it could never take effect.`,
    );
  }
  if (name === undefined) return mistakes;
  const longest = profiles[name];
  const chosen: [variable: string, valueMs: number | undefined, longestMs: number][] = [
    ['SESSION_IDLE_TIMEOUT_MS', idleMs, longest.idleTimeoutMs],
    ['SESSION_ABSOLUTE_TIMEOUT_MS', absoluteMs, longest.absoluteTimeoutMs],
  ];
  for (const [variable, valueMs, longestMs] of chosen) {
    if (valueMs === undefined || valueMs <= longestMs) continue;
    mistakes.push(
      `${variable} (${valueMs}) is longer than SESSION_PROFILE=${name} allows (${longestMs}): lower it, or leave it out.`,
    );
  }
  return mistakes;
}
