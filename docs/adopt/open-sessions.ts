import { createSessionStore, sessionEnvironment, sessionEnvironmentMistakes } from '@holdfast/session';
import { z } from 'zod';

export function openSessions() {
  const env = z.object(sessionEnvironment).parse(process.env);
  const mistakes = sessionEnvironmentMistakes(env);
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
  return createSessionStore(env, { role: 'validator', onError: (error) => console.error(error.message) });
}
