import { randomBytes } from 'node:crypto';
import { applyManifests } from '../../../k8s/cluster/apply-manifests.ts';
import { isConfirmed, type LedgerEntry, type Operation } from '../ledger.ts';
import { pollUntil } from '../poll-until.ts';
import { execInPod } from './exec-in-pod.ts';
import { followLogs } from './follow-logs.ts';
import { readLogs } from './read-logs.ts';
import type { RunningRelease } from './running-release.ts';
import { type Credentials, makeWorkloadManifests, type WorkloadSettings } from './workload-manifests.ts';

/** Clients of a release, in a pod of its namespace that is removed when this is disposed of. */
export class WorkloadPod implements AsyncDisposable {
  readonly name = `drill-${randomBytes(4).toString('hex')}`;
  readonly entries: LedgerEntry[] = [];
  /** By how much this machine's clock is ahead of the pod's, and a line's way here: the least that was seen. */
  clockLeadMs = Number.POSITIVE_INFINITY;
  readonly #release: RunningRelease;
  readonly #abort = new AbortController();
  #running = false;
  #total: number | undefined;

  constructor(release: RunningRelease) {
    this.#release = release;
  }

  /** Until the first requests are sent. */
  async start(users: readonly Credentials[], settings: WorkloadSettings = {}): Promise<void> {
    const { cluster, namespace } = this.#release;
    await applyManifests(
      cluster.config,
      await makeWorkloadManifests(this.#release, this.name, users, settings),
      'holdfast-drill',
    );
    void followLogs(cluster, this.#ref, new Date(0), (_, text) => this.#read(text), this.#abort.signal);
    await pollUntil(`the workload ${this.name} to run in ${namespace}`, 90_000, () => this.#running, 100);
  }

  get #ref() {
    return { namespace: this.#release.namespace, pod: this.name, container: 'workload' };
  }

  #read(text: string): void {
    if (text === 'running') this.#running = true;
    if (!text.startsWith('{')) return;
    const line = JSON.parse(text) as LedgerEntry | { entries: number };
    if ('entries' in line) {
      this.#total = line.entries;
      return;
    }
    this.entries.push(line);
    this.clockLeadMs = Math.min(this.clockLeadMs, Date.now() - line.endedAtMs);
  }

  /** Confirmed, or refused, and begun since then. */
  count(operation: Operation, sinceMs: number, confirmed: boolean): number {
    return this.entries.filter(
      (entry) => entry.operation === operation && entry.startedAtMs >= sinceMs && isConfirmed(entry) === confirmed,
    ).length;
  }

  /** Ends the clients; every session and order there ever was is looked for once more. @returns all answers */
  async stop(): Promise<LedgerEntry[]> {
    const { cluster } = this.#release;
    await execInPod(cluster, this.#ref, ['node', '-e', 'process.kill(1, "SIGTERM")']);
    const total = await pollUntil('the last look of the workload', 180_000, () => this.#total, 100);
    if (this.entries.length < total) {
      this.entries.length = 0;
      for (const line of (await readLogs(cluster, this.#ref)).split('\n')) this.#read(line);
    }
    if (this.entries.length !== total)
      throw new Error(`the workload wrote down ${total} answers, of which ${this.entries.length} arrived`);
    return this.entries;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    const { cluster, namespace } = this.#release;
    const which = { namespace, name: this.name };
    const ignore = () => undefined;
    await cluster.core.deleteNamespacedPod({ ...which, gracePeriodSeconds: 0 }).catch(ignore);
    await cluster.core.deleteNamespacedConfigMap(which).catch(ignore);
    await cluster.core.deleteNamespacedSecret(which).catch(ignore);
  }
}
