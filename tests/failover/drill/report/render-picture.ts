import { findLongestGap, type Gap } from '../../../support/measure-gaps.ts';
import type { PodState } from '../drill-event.ts';
import type { DrillRecord } from '../run-drill.ts';
import { escapeHtml } from './escape-html.ts';
import { renderWorker, rowsOf } from './picture-clients.ts';
import { LETTER, renderMarks } from './picture-marks.ts';
import { BAR, bar, chooseScale, LABELS, RIGHT, ROW, type Scale, WIDTH } from './picture-scale.ts';

/** Who served whom, when: a row a client and a row a pod, over the time from before the fault to after the recovery. */
export function renderPicture(record: DrillRecord): string {
  const scale = chooseScale(record);
  const marks = renderMarks(record, scale);
  let y = marks.height;
  const parts: string[] = [];
  const row = (label: string, body: (top: number) => string, className = '') => {
    parts.push(
      `<text class="label ${className}" x="${LABELS - 8}" y="${y + BAR - 1}">${escapeHtml(label)}</text>${body(y)}`,
    );
    y += ROW;
  };
  const heading = (text: string) => {
    parts.push(`<text class="heading" x="0" y="${y + BAR + 1}">${escapeHtml(text)}</text>`);
    y += ROW + 2;
  };

  row('primary', (top) => renderPrimaries(record, scale, top), 'strong');
  for (const [pod, states] of changedPods(record)) row(shortName(pod), (top) => renderPod(states, scale, top));
  y += 8;
  heading('clients');
  const violating = new Set(record.judgement.violations.map(({ entry }) => entry));
  for (const { label, entries } of rowsOf(record.entries))
    row(label, (top) => renderWorker(entries, violating, scale, top));
  if (record.insideEntries.length > 0) {
    y += 8;
    heading('clients behind the cut, with the old primary');
    for (const { label, entries } of rowsOf(record.insideEntries))
      row(label, (top) => renderWorker(entries, violating, scale, top));
  }
  y += 8;
  const asked = record.entries.filter(({ startedAtMs }) => startedAtMs < record.endedAtMs);
  row('no confirmed read', (top) => renderGap(findLongestGap(asked, 'read'), scale, top));
  row('no confirmed write', (top) => renderGap(findLongestGap(asked, 'write'), scale, top));
  const axis = renderAxis(record.faultAtMs, scale, y + 4);
  const height = y + 26;
  const lines = marks.lines(y + 4);
  return `<svg class="picture" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(record.scenario.title)}">${lines}${parts.join('')}${marks.labels}${axis}</svg>`;
}

function renderPrimaries({ primary, events }: DrillRecord, scale: Scale, top: number): string {
  const turns = [{ atMs: scale.fromMs, primary }];
  for (const event of events)
    if (event.kind === 'election' && event.primary) turns.push({ atMs: event.atMs, primary: event.primary });
  return turns
    .map((turn, index) => {
      const [from, to] = [scale.x(turn.atMs), scale.x(turns[index + 1]?.atMs ?? scale.toMs)];
      const number = /(\d+)$/.exec(turn.primary)?.[1] ?? '0';
      const name = turn.primary.length * LETTER < to - from ? turn.primary : '';
      return `${bar(`primary p${Number(number) % 3}`, from, to, top)}<text class="inside" x="${from + 4}" y="${top + BAR - 2}">${escapeHtml(name)}</text>`;
    })
    .join('');
}

/** Pods of which the drill saw more than one state. */
function changedPods({ podStates }: DrillRecord): [string, PodState[]][] {
  const pods = Map.groupBy(podStates, ({ pod }) => pod);
  return [...pods].filter(([, states]) => states.length > 1).sort(([a], [b]) => a.localeCompare(b));
}

/** As `redis-0`, or `auth-g826s` for one of a Deployment. */
function shortName(pod: string): string {
  const [, component = '', last = ''] = /([a-z]+)(?:-[a-z0-9]{6,10})?-([a-z0-9]{1,5})$/.exec(pod) ?? [];
  return component === '' ? pod : `${component}-${last}`;
}

function renderPod(states: readonly PodState[], scale: Scale, top: number): string {
  return states
    .filter(({ state }) => state !== 'gone')
    .map((state) => {
      const next = states[states.indexOf(state) + 1];
      return bar(`pod ${state.state}`, scale.x(state.atMs), scale.x(next?.atMs ?? scale.toMs), top);
    })
    .join('');
}

function renderGap(gap: Gap, scale: Scale, top: number): string {
  const [from, to] = [scale.x(gap.fromMs), scale.x(gap.toMs)];
  const text = `${((gap.toMs - gap.fromMs) / 1000).toFixed(2)} s`;
  const beside = to + 60 > WIDTH ? `x="${from - 5}" text-anchor="end"` : `x="${to + 5}"`;
  return `${bar('gap', from, to, top)}<text class="amount" ${beside} y="${top + BAR - 1}">${text}</text>`;
}

function renderAxis(zeroMs: number, { fromMs, toMs, x }: Scale, y: number): string {
  const steps = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300];
  const step = (steps.find((each) => (toMs - fromMs) / 1000 / each <= 14) ?? 600) * 1000;
  const ticks: string[] = [];
  for (let ms = Math.ceil((fromMs - zeroMs) / step) * step; zeroMs + ms <= toMs; ms += step) {
    const at = x(zeroMs + ms);
    ticks.push(
      `<path class="tick" d="M${at} ${y}v5"/><text class="time" x="${at}" y="${y + 17}">${ms > 0 ? '+' : ''}${ms / 1000} s</text>`,
    );
  }
  return `<path class="tick" d="M${LABELS} ${y}H${WIDTH - RIGHT}"/>${ticks.join('')}`;
}
