import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { type Arm, openPort, rolesOfEveryUser } from './arm.ts';

/** The ceiling: the same framework and answer with no session at all. */
export async function createArm(): Promise<Arm> {
  const app = new Hono();
  app.get('/me', (c) => c.json({ userId: 'user-0', roles: rolesOfEveryUser }));
  const server = createAdaptorServer({ fetch: app.fetch });
  return { listen: () => openPort(server) };
}
