import type { LedgerEntry } from '../../../support/ledger.ts';
import { findLongestGap, type Gap } from '../../../support/measure-gaps.ts';
import type { DrillEvent, PodState } from '../drill-event.ts';
import { isUnserved } from '../judge-drill.ts';
import type { DrillRecord } from '../run-drill.ts';
import { escapeHtml } from './escape-html.ts';

const WIDTH = 1200;
const LABELS = 176;
const RIGHT = 14;
const ROW = 16;
const BAR = 11;
/** An answer that took longer is drawn as a wait. */
const WAIT_MS = 250;
/** As narrow as an answer is drawn, so that quick ones are seen. */
const THIN = 1.6;
const BEFORE_MS = 4000;
const AFTER_MS = 3000;

interface Scale {
  readonly fromMs: number;
  readonly toMs: number;
  x(ms: number): number;
}

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
  for (const [pod, states] of changedPods(record)) row(pod, (top) => renderPod(states, scale, top));
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
  row('no confirmed read', (top) => renderGap(findLongestGap(record.entries, 'read'), scale, top));
  row('no confirmed write', (top) => renderGap(findLongestGap(record.entries, 'write'), scale, top));
  const axis = renderAxis(record.faultAtMs, scale, y + 4);
  const height = y + 26;
  const lines = marks.lines(y + 4);
  return `<svg class="picture" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(record.scenario.title)}">${lines}${parts.join('')}${marks.labels}${axis}</svg>`;
}

function chooseScale({ startedAtMs, endedAtMs, faultAtMs, events }: DrillRecord): Scale {
  const recoveredMs = events.findLast(({ kind }) => kind === 'recovery')?.atMs ?? endedAtMs;
  const fromMs = Math.max(startedAtMs, faultAtMs - BEFORE_MS);
  const toMs = Math.max(Math.min(endedAtMs, recoveredMs + AFTER_MS), fromMs + 1000);
  const perMs = (WIDTH - LABELS - RIGHT) / (toMs - fromMs);
  const x = (ms: number) => round(LABELS + (Math.min(Math.max(ms, fromMs), toMs) - fromMs) * perMs);
  return { fromMs, toMs, x };
}

const markKinds = new Set(['fault', 'election', 'undo', 'recovery']);
const LETTER = 5.9;
const MARK_ROWS = 4;

/** A line through all rows for each mark, with its words above, in the first row that has room for them. */
function renderMarks({ events }: DrillRecord, scale: Scale) {
  const marks = events.filter(({ kind, atMs }) => markKinds.has(kind) && atMs >= scale.fromMs && atMs <= scale.toMs);
  const ends = Array.from({ length: MARK_ROWS }, () => 0);
  const labels = marks.map((mark) => {
    const width = mark.text.length * LETTER + 12;
    const x = scale.x(mark.atMs);
    const left = x + width > WIDTH;
    const begin = left ? x - width : x;
    const free = ends.findIndex((end) => end < begin);
    if (free < 0) return '';
    ends[free] = begin + width;
    const y = 12 + free * 14;
    const anchor = left ? `x="${x - 5}" text-anchor="end"` : `x="${x + 5}"`;
    return `<text class="mark ${mark.kind}" ${anchor} y="${y}">${escapeHtml(mark.text)}</text>`;
  });
  const used = ends.filter((end) => end > 0).length;
  const lines = (bottom: number) => marks.map((mark) => renderLine(mark, scale.x(mark.atMs), bottom)).join('');
  return { labels: labels.join(''), lines, height: 12 + used * 14 };
}

function renderLine({ kind, text }: DrillEvent, x: number, bottom: number): string {
  return `<path class="line ${kind}" d="M${x} 2V${bottom}"><title>${escapeHtml(text)}</title></path>`;
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

function renderPod(states: readonly PodState[], scale: Scale, top: number): string {
  return states
    .filter(({ state }) => state !== 'gone')
    .map((state) => {
      const next = states[states.indexOf(state) + 1];
      return bar(`pod ${state.state}`, scale.x(state.atMs), scale.x(next?.atMs ?? scale.toMs), top);
    })
    .join('');
}

/** One for each client that was there before the last look at the end, which has clients of its own. */
function rowsOf(entries: readonly LedgerEntry[]) {
  const beganMs = entries[0]?.startedAtMs ?? 0;
  const workers = [...Map.groupBy(entries, ({ worker }) => worker)].sort(([a], [b]) => a - b);
  return workers
    .filter(([, own]) => (own[0]?.startedAtMs ?? 0) - beganMs < 5000)
    .map(([worker, own]) => {
      const keeps = own.filter(({ operation }) => operation === 'login').length <= 1;
      return { label: `${worker + 1} ${keeps ? 'keeps a session' : 'logs in and out'}`, entries: own };
    });
}

function renderWorker(
  entries: readonly LedgerEntry[],
  violating: ReadonlySet<LedgerEntry>,
  scale: Scale,
  top: number,
): string {
  const shown = entries.filter(({ endedAtMs, startedAtMs }) => endedAtMs > scale.fromMs && startedAtMs < scale.toMs);
  const paths = new Map<string, string[]>();
  const draw = (className: string, from: number, to: number) => {
    const all = paths.get(className) ?? [];
    const width = round(Math.max(to - from, THIN));
    all.push(`M${from} ${top}h${width}v${BAR}h-${width}z`);
    paths.set(className, all);
  };
  for (const entry of shown) {
    const [from, to] = [scale.x(entry.startedAtMs), scale.x(entry.endedAtMs)];
    const outcome = entry.status === undefined ? 'unanswered' : isUnserved(entry) ? 'refused' : 'served';
    if (entry.endedAtMs - entry.startedAtMs <= WAIT_MS) draw(outcome, from, to);
    else {
      draw('waiting', from, to);
      draw(outcome, Math.max(from, to - 2.5), to);
    }
  }
  const order = ['waiting', 'served', 'refused', 'unanswered'];
  const bars = order.map((name) => (paths.has(name) ? `<path class="${name}" d="${paths.get(name)?.join('')}"/>` : ''));
  const broken = shown
    .filter((entry) => violating.has(entry))
    .map((entry) => {
      const x = scale.x(entry.endedAtMs);
      const what = `${entry.operation} answered ${entry.status} for session ${entry.sessionId}`;
      return `<path class="violation" d="M${x} ${top - 3}l6 ${BAR / 2 + 3}l-6 ${BAR / 2 + 3}l-6 -${BAR / 2 + 3}z"><title>${escapeHtml(what)}</title></path>`;
    });
  return [...bars, ...broken].join('');
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

function bar(className: string, from: number, to: number, top: number): string {
  return `<rect class="${className}" x="${from}" y="${top}" width="${round(Math.max(to - from, 1))}" height="${BAR}"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
