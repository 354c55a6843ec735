import { answerProblem, requireSession, type SessionStoreOptions, type SessionVariables } from '@holdfast/session';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { type Arm, type ArmSettings, openPort } from './arm.ts';
import { addSessionRoutes, openStores, seedSessions } from './holdfast-stores.ts';

/** `requireSession` in a plain Hono app, as docs/develop.md shows it. Every request asks Redis. */
export function createArm(settings: ArmSettings): Promise<Arm> {
  return createHoldfastArm(settings);
}

export async function createHoldfastArm(
  settings: ArmSettings,
  options: Partial<SessionStoreOptions> = {},
): Promise<Arm> {
  const { sessions, owner } = await openStores(settings, options);
  const app = new Hono<{ Variables: SessionVariables }>();
  app.onError(answerProblem);
  const guarding = { sessions, trustedOrigins: [] };
  const me = requireSession(guarding, (c) => {
    const { userId, roles } = c.get('session');
    return c.json({ userId, roles });
  });
  app.get('/me', me);
  addSessionRoutes(app, owner, requireSession(guarding));
  const server = createAdaptorServer({ fetch: app.fetch });
  return { listen: () => openPort(server), seed: (userIds) => seedSessions(owner, userIds) };
}
