import type { RunningRelease } from '../../support/cluster/running-release.ts';
import type { LedgerEntry } from '../../support/ledger.ts';
import type { DrillEvent, EventKind } from './drill-event.ts';

/** `nodes`: the drill must reach the machines themselves, which it can in the cluster of `npm run cluster:up` alone. */
export type Need = 'nodes' | 'three nodes';

/** What is promised of answers, beside that none is a lie. Left out, nothing is. */
export interface Limits {
  /** Longest without a confirmed validation. */
  readonly readMs?: number;
  /** Longest without a confirmed login or logout. */
  readonly writeMs?: number;
  /** From the moment all Redis pods run again to the next confirmed login or logout. */
  readonly afterRunningMs?: number;
  /** Requests that got 503 or no answer. */
  readonly unserved?: number;
}

/** What a scenario works with while a drill runs. */
export interface Drill {
  readonly release: RunningRelease;
  /** The primary before the fault, and the node it is on. */
  readonly primary: string;
  readonly primaryNode: string;
  /** How many times a scenario that repeats something does it. */
  readonly repeats: number;
  mark(kind: EventKind, text: string): void;
  /** Until so many logins, validations and logouts that began from now on are confirmed. */
  untilServing(count?: number, timeoutMs?: number): Promise<void>;
  /** Until so many logins and logouts that began from now on are refused, with 503 or no answer. */
  untilRefused(count?: number, timeoutMs?: number): Promise<void>;
}

/** What can be judged when it is over. */
export interface Observed {
  readonly entries: readonly LedgerEntry[];
  /** Answers to the clients that were with the primary on the far side of a cut. */
  readonly insideEntries: readonly LedgerEntry[];
  readonly events: readonly DrillEvent[];
}

/** One fault, and what must hold. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** One paragraph: what is broken, and what must hold. */
  readonly explanation: string;
  readonly needs: readonly Need[];
  readonly limits: Limits;
  /** Runs a second workload on the node of the primary, which has to have a pod of auth. */
  readonly watchesInside?: boolean;
  /** The primary must not share its node with the database, or both faults would mix. */
  readonly sparesDatabase?: boolean;
  /** The primary must not be the pod that would begin a new set. */
  readonly sparesFirst?: boolean;
  /** The primary's container has not crashed before, so that it is started again at once. */
  readonly needsFreshPods?: boolean;
  /** Breaks it. What it returns mends it, always, also when the drill fails. */
  inject(drill: Drill): Promise<AsyncDisposable | undefined>;
  /** While it is broken, and before it is mended: waits for what must happen. @throws Error when it does not */
  observe?(drill: Drill): Promise<void>;
  /** After all is whole again. @throws Error naming what is not as it was */
  verify?(drill: Drill): Promise<void>;
  /** What only this fault can break. One line a finding. */
  judge?(observed: Observed): string[];
}
