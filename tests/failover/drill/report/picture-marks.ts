import type { DrillEvent } from '../drill-event.ts';
import type { DrillRecord } from '../run-drill.ts';
import { escapeHtml } from './escape-html.ts';
import { type Scale, WIDTH } from './picture-scale.ts';

const markKinds = new Set(['fault', 'election', 'undo', 'recovery']);
/** The width of a letter, about. */
export const LETTER = 5.9;
const MARK_ROWS = 4;

/** A line through all rows for each mark, with its words above, in the first row that has room for them. */
export function renderMarks({ events }: DrillRecord, scale: Scale) {
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
