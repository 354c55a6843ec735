/** What happened, by what it means to a reader of the report. */
export type EventKind = 'fault' | 'undo' | 'election' | 'recovery' | 'redis' | 'sentinel' | 'pod' | 'drill';

export interface DrillEvent {
  /** Milliseconds since the epoch, by the clock of the cluster. */
  readonly atMs: number;
  readonly kind: EventKind;
  readonly text: string;
  /** Of an election: the new primary. */
  readonly primary?: string;
}

/** What a pod was from a moment on. */
export interface PodState {
  readonly atMs: number;
  readonly pod: string;
  readonly state: 'ready' | 'running' | 'starting' | 'gone';
}
