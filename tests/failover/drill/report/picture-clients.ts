import { isUnserved, type LedgerEntry } from '../../../support/ledger.ts';
import { escapeHtml } from './escape-html.ts';
import { BAR, round, type Scale } from './picture-scale.ts';

/** An answer that took longer is drawn as a wait. */
const WAIT_MS = 250;
/** As narrow as an answer is drawn, so that quick ones are seen. */
const THIN = 1.6;

/** One for each client that was there before the last look at the end, which has clients of its own. */
export function rowsOf(entries: readonly LedgerEntry[]) {
  const beganMs = entries[0]?.startedAtMs ?? 0;
  const workers = [...Map.groupBy(entries, ({ worker }) => worker)].sort(([a], [b]) => a - b);
  return workers
    .filter(([, own]) => (own[0]?.startedAtMs ?? 0) - beganMs < 5000)
    .map(([worker, own]) => {
      return { label: `${worker + 1} ${describeClient(own)}`, entries: own };
    });
}

function describeClient(own: readonly LedgerEntry[]): string {
  if (own[0]?.operation === 'ping') return 'asks no Redis';
  return own.filter(({ operation }) => operation === 'login').length <= 1 ? 'keeps a session' : 'logs in and out';
}

/** Every answer to one client, from when it asked. */
export function renderWorker(
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
