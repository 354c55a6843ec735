import { createSessionStore, sessionEnvironment, sessionEnvironmentMistakes } from '@holdfast/session';
import { z } from 'zod';

export function openSessions() {
  const env = z.object(sessionEnvironment).parse(process.env);
  const mistakes = sessionEnvironmentMistakes(env);
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
  // Never the whole error: those of Redis repeat the command, and in it hashes of secrets.
  const onError = ({ message, cause }: Error) => console.error(message, cause instanceof Error ? cause.message : '');
  return createSessionStore(env, { role: 'validator', onError });
}
