import { randomBytes } from 'node:crypto';
import { hashPassword } from '../../../services/auth/src/password-hash.ts';
import { HoldfastRelease, replicated } from '../../charts/holdfast/holdfast-release.ts';
import type { RunningRelease } from '../../support/cluster/running-release.ts';
import type { Credentials } from '../../support/cluster/workload-manifests.ts';

export interface OwnRelease extends AsyncDisposable {
  readonly release: RunningRelease;
  readonly users: readonly Credentials[];
  /** Milliseconds until all of it was ready. */
  readonly readyMs: number;
}

export interface OwnReleaseOptions {
  /** Further values, as for helm's --set. */
  readonly values?: readonly string[];
  /** A folder with the charts; those of this checkout where it is left out. */
  readonly charts?: string;
}

const USERS = ['alice', 'bob'];
const USERS_SECRET = 'drill-users';
/** A drill measures outages. At what real users' hashes cost, two cores with three nodes on them would be busy hashing. */
const cheap = { memoryKiB: 64, passes: 1, parallelism: 1 };
/** As production has it: those that ask Redis must not keep it from the CPU. */
const sized = ['redis-sentinel.redis.resources.requests.cpu=250m'];

/** Two of each service and a whole Redis, in a namespace of its own on the project's cluster, until it is disposed of. */
export async function installOwnRelease(purpose: string, options: OwnReleaseOptions = {}): Promise<OwnRelease> {
  const installed = new HoldfastRelease(purpose, 'dev', options.charts);
  const dispose = () => installed[Symbol.asyncDispose]();
  try {
    const users = USERS.map((username) => ({ username, password: randomBytes(16).toString('base64url') }));
    await installed.kubectl('create', 'namespace', installed.namespace);
    await installed.apply(await makeUsersSecret(users));
    const own = [...sized, 'users.demo.enabled=false', `users.existingSecret=${USERS_SECRET}`];
    const readyMs = await installed.install(...replicated, ...own, ...(options.values ?? []));
    return { release: installed.running(), users, readyMs, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function makeUsersSecret(users: readonly Credentials[]): Promise<object> {
  const entries = users.map(async ({ username, password }) => ({
    id: username,
    username,
    passwordHash: await hashPassword(password, cheap),
  }));
  const text = JSON.stringify(await Promise.all(entries));
  const metadata = { name: USERS_SECRET };
  return { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { 'users.json': text } };
}
