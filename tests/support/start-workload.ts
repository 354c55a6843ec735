import { askReplicas } from '../../services/local/src/demo-client.ts';
import type { Platform } from '../../services/local/src/platform.ts';
import { SessionWorkload } from './session-workload.ts';

/** A workload of all users over all replicas. Every user has an order first, by which answers of orders tell whose they are. */
export async function startWorkload({ auth, orders, state }: Platform): Promise<SessionWorkload> {
  for (const { id, username, password } of state.users) {
    const login = { username, password, transport: 'bearer' };
    const { body } = await askReplicas(auth, '/v1/sessions', { method: 'POST', body: login });
    const { token } = body as { token: string };
    const order = { sku: `owner-${id}`, quantity: 1 };
    const headers = { 'idempotency-key': `owner-${id}` };
    const { status } = await askReplicas(orders, '/v1/orders', { method: 'POST', token, body: order, headers });
    if (status !== 201 && status !== 200) throw new Error(`the order of ${username} was answered ${status}`);
  }
  return new SessionWorkload({ users: state.users, auth, orders });
}
