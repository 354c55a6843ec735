import type { DrillRecord } from '../run-drill.ts';

export const WIDTH = 1200;
export const LABELS = 176;
export const RIGHT = 14;
export const ROW = 16;
export const BAR = 11;
const BEFORE_MS = 4000;
const AFTER_MS = 3000;

/** From times to places. */
export interface Scale {
  readonly fromMs: number;
  readonly toMs: number;
  x(ms: number): number;
}

/** From a little before the fault to a little after the recovery. */
export function chooseScale({ startedAtMs, endedAtMs, faultAtMs, events }: DrillRecord): Scale {
  const recoveredMs = events.findLast(({ kind }) => kind === 'recovery')?.atMs ?? endedAtMs;
  const fromMs = Math.max(startedAtMs, faultAtMs - BEFORE_MS);
  const toMs = Math.max(Math.min(endedAtMs, recoveredMs + AFTER_MS), fromMs + 1000);
  const perMs = (WIDTH - LABELS - RIGHT) / (toMs - fromMs);
  const x = (ms: number) => round(LABELS + (Math.min(Math.max(ms, fromMs), toMs) - fromMs) * perMs);
  return { fromMs, toMs, x };
}

/** A bar of a row. */
export function bar(className: string, from: number, to: number, top: number): string {
  return `<rect class="${className}" x="${from}" y="${top}" width="${round(Math.max(to - from, 1))}" height="${BAR}"/>`;
}

/** To a tenth of a unit: finer is not seen. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
