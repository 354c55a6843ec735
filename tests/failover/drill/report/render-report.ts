import type { LedgerEntry } from '../../../support/ledger.ts';
import { describeMeasure, type Judgement, limitNames } from '../judge-drill.ts';
import type { DrillRecord } from '../run-drill.ts';
import type { Limits } from '../scenario.ts';
import { escapeHtml } from './escape-html.ts';
import { renderPicture } from './render-picture.ts';
import { reportStyle } from './report-style.ts';

/** Where the drills ran, for the reader of figures. */
export interface ReportPlace {
  readonly context: string;
  readonly machine: string;
}

/** A page of its own, that needs nothing from anywhere: verdicts, pictures, what happened when, and the evidence. */
export function renderReport(records: readonly DrillRecord[], place: ReportPlace): string {
  const [only] = records;
  const title = records.length === 1 && only ? `Drill: ${only.scenario.title}` : `${records.length} drills`;
  const began = new Date(Math.min(...records.map(({ startedAtMs }) => startedAtMs))).toISOString();
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${reportStyle}</style>
</head>
<body>
<h1>Holdfast: ${escapeHtml(title)}</h1>
<p class="faint">${began.slice(0, 16).replace('T', ' ')} UTC · ${escapeHtml(place.context)} · ${escapeHtml(place.machine)}</p>
${records.length > 1 ? renderIndex(records) : ''}
${records.map(renderRecord).join('\n')}
</body>
</html>
`;
}

const measures: readonly (keyof Limits)[] = ['writeMs', 'readMs', 'unserved', 'afterRunningMs'];

function renderIndex(records: readonly DrillRecord[]): string {
  const rows = records.map(({ scenario, judgement }, index) => {
    const cells = measures.map((measure) => `<td class="number">${renderMeasure(judgement, measure)}</td>`);
    return `<tr><td><a href="#run-${index}">${escapeHtml(scenario.title)}</a></td><td>${renderVerdict(judgement)}</td>${cells.join('')}<td class="number">${judgement.requests}</td></tr>`;
  });
  const heads = measures.map((measure) => `<th>${limitNames[measure]}</th>`).join('');
  return `<table><thead><tr><th>fault</th><th>verdict</th>${heads}<th>requests</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function renderRecord(record: DrillRecord, index: number): string {
  const { scenario, judgement } = record;
  const reasons = judgement.reasons.map((reason) => `<li>${escapeHtml(reason)}</li>`).join('');
  return `<section id="run-${index}">
<h2>${renderVerdict(judgement)} ${escapeHtml(scenario.title)}</h2>
${reasons === '' ? '' : `<ul class="reasons">${reasons}</ul>`}
<p>${escapeHtml(scenario.explanation)}</p>
${renderTiles(record)}
<div class="wide">${renderPicture(record)}</div>
${legend}
${renderViolations(record)}
${renderTimeline(record)}
</section>`;
}

const words = {
  held: 'promises held',
  slow: 'true, but slower than promised',
  broken: 'PROMISE BROKEN',
  unclear: 'not as expected',
};

function renderVerdict({ verdict }: Judgement): string {
  return `<span class="verdict ${verdict}">${words[verdict]}</span>`;
}

function renderTiles({ judgement, scenario }: DrillRecord): string {
  const { violations, requests } = judgement;
  const shown = measures.filter(
    (measure) => measure !== 'afterRunningMs' || scenario.limits.afterRunningMs !== undefined,
  );
  const limited = shown.map((measure) => {
    const limit = scenario.limits[measure];
    const is = judgement.measured[measure];
    const over = limit !== undefined && is !== undefined && is > limit;
    const promise = limit === undefined ? '' : `, promised ${describeMeasure(measure, limit)}`;
    return tile(renderMeasure(judgement, measure), limitNames[measure] + promise, over);
  });
  return `<div class="tiles">${tile(String(violations.length), 'answers that were lies', violations.length > 0)}${limited.join('')}${tile(String(requests), 'requests')}</div>`;
}

function tile(amount: string, what: string, over = false): string {
  return `<div class="tile${over ? ' over' : ''}"><b>${amount}</b><span>${escapeHtml(what)}</span></div>`;
}

function renderMeasure({ measured }: Judgement, measure: keyof Limits): string {
  const is = measured[measure];
  return is === undefined ? '–' : describeMeasure(measure, is);
}

const legend = `<p class="legend">${[
  ['served', 'served'],
  ['waiting', 'waiting for an answer, over 0.25 s'],
  ['refused', '503, with Retry-After'],
  ['unanswered', 'no answer'],
]
  .map(([name, text]) => `<span><i style="background:var(--${name})"></i>${text}</span>`)
  .join(
    '',
  )}<span><i style="background:#e6007e"></i>an answer that was a lie</span><span><i style="background:var(--ready)"></i>pod ready</span><span><i style="background:var(--running)"></i>pod running, not ready</span></p>`;

const MOST_EVIDENCE = 50;

/** Each violation with all that was ever answered about that session. */
function renderViolations({ judgement, entries, insideEntries, faultAtMs }: DrillRecord): string {
  const { violations } = judgement;
  if (violations.length === 0) return '';
  const all = [...entries, ...insideEntries];
  const rows = violations.slice(0, MOST_EVIDENCE).map(({ kind, entry }) => {
    const history = all.filter(({ sessionId }) => sessionId !== undefined && sessionId === entry.sessionId);
    const lines = (history.length > 0 ? history : [entry]).map((each) => describeEntry(each, faultAtMs));
    return `<tr><td><b>${kind}</b></td><td><code>${escapeHtml(describeEntry(entry, faultAtMs))}</code><details><summary>all about session ${escapeHtml(entry.sessionId ?? 'none')}</summary><code>${lines.map(escapeHtml).join('<br>')}</code></details></td></tr>`;
  });
  const more =
    violations.length > MOST_EVIDENCE ? `<p>and ${violations.length - MOST_EVIDENCE} more, in the JSON</p>` : '';
  return `<h3>Broken promises</h3><table><tbody>${rows.join('')}</tbody></table>${more}`;
}

function describeEntry(
  { operation, target, status, code, startedAtMs, endedAtMs, userId, seenUserId }: LedgerEntry,
  zeroMs: number,
) {
  const at = `${formatSeconds(startedAtMs - zeroMs)} to ${formatSeconds(endedAtMs - zeroMs)}`;
  const seen = seenUserId === undefined || seenUserId === userId ? '' : `, answered for ${seenUserId}`;
  return `${at} ${operation} of ${userId} at ${target}: ${status ?? 'no answer'}${code === undefined ? '' : ` ${code}`}${seen}`;
}

function renderTimeline({ events, faultAtMs }: DrillRecord): string {
  const rows = events.map(
    ({ atMs, kind, text }) =>
      `<tr><td class="number">${formatSeconds(atMs - faultAtMs)}</td><td class="${kind}">${kind}</td><td>${escapeHtml(text)}</td></tr>`,
  );
  return `<details open><summary>What happened when (${events.length})</summary><table><tbody>${rows.join('')}</tbody></table></details>`;
}

function formatSeconds(ms: number): string {
  return `${ms >= 0 ? '+' : '−'}${Math.abs(ms / 1000).toFixed(2)} s`;
}
