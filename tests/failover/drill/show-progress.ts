import type { DrillEvent } from './drill-event.ts';

export interface Served {
  readonly served: number;
  readonly refused: number;
  readonly unanswered: number;
}

/** Prints what happens as it happens, with seconds since the drill began. */
export function showProgress(): { onEvent(event: DrillEvent): void; onServed(served: Served): void } {
  const beganMs = performance.now();
  const print = (kind: string, text: string) => {
    const seconds = ((performance.now() - beganMs) / 1000).toFixed(1).padStart(6);
    console.log(`  ${seconds} s  ${kind.padEnd(9)} ${text}`);
  };
  return {
    onEvent: ({ kind, text }) => print(kind, text),
    onServed: ({ served, refused, unanswered }) =>
      print('answers', `${served} served, ${refused} with 503, ${unanswered} without an answer`),
  };
}
