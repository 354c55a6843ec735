import { setTimeout as delay } from 'node:timers/promises';
import type { RunningRelease } from '../../support/cluster/running-release.ts';
import type { Credentials } from '../../support/cluster/workload-manifests.ts';
import { WorkloadPod } from '../../support/cluster/workload-pod.ts';
import type { LedgerEntry } from '../../support/ledger.ts';
import { pollUntil } from '../../support/poll-until.ts';
import type { DrillEvent, EventKind, PodState } from './drill-event.ts';
import { type Judgement, judgeDrill } from './judge-drill.ts';
import { movePrimary } from './move-primary.ts';
import type { Drill, Scenario } from './scenario.ts';
import type { Served } from './show-progress.ts';
import { watchRelease } from './watch-release.ts';

export interface DrillOptions {
  readonly users: readonly Credentials[];
  readonly repeats: number;
  /** Ends the drill early: what is broken is mended, and what was answered is judged. */
  signal?: AbortSignal;
  onEvent?: (event: DrillEvent) => void;
  /** Every five seconds, for those five. */
  onServed?: (served: Served) => void;
}

/** All that a report needs to know of one run. Times are milliseconds since the epoch. */
export interface DrillRecord {
  readonly scenario: Pick<Scenario, 'name' | 'title' | 'explanation' | 'limits'>;
  readonly namespace: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly faultAtMs: number;
  readonly primary: string;
  readonly entries: readonly LedgerEntry[];
  readonly insideEntries: readonly LedgerEntry[];
  readonly events: readonly DrillEvent[];
  readonly podStates: readonly PodState[];
  readonly judgement: Judgement;
}

/** One run of a scenario: load, fault, repair, and a judgement of every answer. A fault is always mended. */
export async function runDrill(
  release: RunningRelease,
  scenario: Scenario,
  { users, repeats, signal, onEvent = () => {}, onServed = () => {} }: DrillOptions,
): Promise<DrillRecord> {
  await release.untilCalm();
  const primary = await movePrimary(release, scenario);
  const primaryNode = await release.nodeOf(primary);
  await using watch = await watchRelease(release, onEvent);
  await using outside = new WorkloadPod(release);
  await using inside = scenario.watchesInside ? new WorkloadPod(release) : undefined;
  await Promise.all([
    // So many that in the two seconds a client waits for a pod that is gone, not every one of them meets one.
    outside.start(users, { place: { node: primaryNode, on: false }, env: { KEEPERS: '32' } }),
    // Each soon waits for the database on the far side: many slow ones, so that some write to the primary on this one.
    inside?.start(users, { place: { node: primaryNode, on: true }, env: { CYCLES: '10', PACE_MS: '150' } }),
  ]);

  const nowMs = () => Date.now() - (Number.isFinite(outside.clockLeadMs) ? outside.clockLeadMs : 0);
  const mark = (kind: EventKind, text: string) => {
    const event = { atMs: nowMs(), kind, text };
    watch.events.push(event);
    onEvent(event);
  };
  const untilServing = async (count = 5, timeoutMs = 90_000) => {
    const sinceMs = nowMs();
    await pollUntil(`${count} confirmed logins, validations and logouts`, timeoutMs, () =>
      (['login', 'validate', 'logout'] as const).every((each) => outside.count(each, sinceMs, true) >= count),
    );
  };
  // A client that is refused asks the same again, so they may all be at their login, or all at their logout.
  const untilRefused = async (count = 1, timeoutMs = 60_000) => {
    const sinceMs = nowMs();
    const refused = () => outside.count('login', sinceMs, false) + outside.count('logout', sinceMs, false);
    await pollUntil(`${count} refused logins or logouts`, timeoutMs, () => refused() >= count);
  };
  const drill: Drill = {
    release,
    primary,
    primaryNode,
    repeats,
    mark,
    untilServing,
    untilRefused,
  };

  const startedAtMs = nowMs();
  using _ticker = reportServed(outside, onServed);
  await drill.untilServing();
  mark('drill', `served, the primary is ${primary}`);
  const { faultAtMs, problem } = await breakAndMend(scenario, drill, nowMs, signal);
  // What a late return of the old primary would do, it does now.
  if (problem === undefined) await delay(SETTLING_MS);
  const endedAtMs = nowMs();
  mark('drill', 'every session and order there was is looked for once more');
  const entries = await outside.stop();
  const insideEntries = (await inside?.stop()) ?? [];
  mark('drill', `${entries.length + insideEntries.length} answers to judge`);
  const observed = { entries, insideEntries, events: watch.events };
  const judgement = judgeDrill(scenario, { ...observed, faultAtMs, endedAtMs, podStates: watch.podStates, problem });
  const { name, title, explanation, limits } = scenario;
  return {
    scenario: { name, title, explanation, limits },
    namespace: release.namespace,
    ...{ startedAtMs, endedAtMs, faultAtMs, primary, entries, insideEntries },
    events: watch.events.toSorted((a, b) => a.atMs - b.atMs),
    podStates: watch.podStates,
    judgement,
  };
}

const SETTLING_MS = 1000;

/** @returns what went otherwise than a scenario expects, as a part of the result: the answers are judged all the same */
async function breakAndMend(scenario: Scenario, drill: Drill, nowMs: () => number, signal: AbortSignal | undefined) {
  let problem: string | undefined;
  const attempt = async (work: () => Promise<void> | undefined) => {
    try {
      await work();
    } catch (error) {
      problem ??= (error as Error).message;
      drill.mark('drill', `not as expected: ${(error as Error).message}`);
    }
  };
  const faultAtMs = nowMs();
  {
    let undo: AsyncDisposable | undefined;
    await attempt(async () => {
      undo = await scenario.inject(drill);
    });
    if (problem === undefined) await attempt(() => orAborted(scenario.observe?.(drill), signal));
    if (undo !== undefined) {
      const mend = undo;
      drill.mark('undo', 'what was broken is mended');
      await attempt(async () => await mend[Symbol.asyncDispose]());
    }
  }
  await attempt(() => drill.untilServing());
  await attempt(() => drill.release.untilWhole());
  if (problem === undefined) {
    drill.mark('recovery', 'whole again');
    await attempt(() => scenario.verify?.(drill));
  }
  return { faultAtMs, problem };
}

async function orAborted(work: Promise<void> | undefined, signal: AbortSignal | undefined): Promise<void> {
  if (work === undefined || signal === undefined) return await work;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new Error('the drill was ended early'));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  await Promise.race([work, promise]);
}

function reportServed(workload: WorkloadPod, onServed: (served: Served) => void): Disposable {
  let from = 0;
  const timer = setInterval(() => {
    const fresh = workload.entries.slice(from);
    from = workload.entries.length;
    const unanswered = fresh.filter(({ status }) => status === undefined).length;
    const refused = fresh.filter(({ status }) => status === 503).length;
    onServed({ served: fresh.length - refused - unanswered, refused, unanswered });
  }, 5000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
