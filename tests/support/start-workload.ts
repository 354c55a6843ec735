import type { Platform } from '../../services/local/src/platform.ts';
import { SessionWorkload } from './session-workload.ts';

/** A workload of all users over all replicas. */
export function startWorkload({ auth, orders, state }: Platform): SessionWorkload {
  return new SessionWorkload({ users: state.users, auth, orders });
}
