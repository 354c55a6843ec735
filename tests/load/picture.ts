import { arms } from './plan.ts';
import type { Results } from './results.ts';

const WIDTH = 860;
const LEFT = 260;
const BAR = 22;
const STEP = 34;
const TOP = 56;

/** The requests per second of each arm as bars, with the span from the slowest round to the fastest. An SVG. */
export function createPicture(results: Results): string {
  const hot = results.loads.find(({ load }) => load === 'hot');
  if (!hot) return '';
  const rows = hot.rows.toSorted((a, b) => b.requestsPerSecond.median - a.requestsPerSecond.median);
  const largest = Math.max(...rows.map((row) => row.requestsPerSecond.max));
  const x = (value: number) => Math.round(LEFT + (value / largest) * (WIDTH - LEFT - 90));
  const bars = rows.map(({ arm, requestsPerSecond: { median, min, max } }, index) => {
    const y = TOP + index * STEP;
    const middle = y + BAR / 2;
    const color = arm.startsWith('holdfast') ? '#1f6feb' : '#8b949e';
    const title = arms.find(({ name }) => name === arm)?.title ?? arm;
    return [
      `<text x="${LEFT - 10}" y="${middle + 5}" text-anchor="end">${escapeText(title)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${x(median) - LEFT}" height="${BAR}" fill="${color}"/>`,
      `<path d="M${x(min)} ${middle}H${x(max)}M${x(min)} ${middle - 5}v10M${x(max)} ${middle - 5}v10" stroke="#24292f"/>`,
      `<text x="${x(max) + 8}" y="${middle + 5}">${Math.round(median).toLocaleString('en-US')}</text>`,
    ].join('\n');
  });
  const height = TOP + rows.length * STEP + 30;
  const rounds = hot.rows[0]?.rounds ?? 0;
  const note = `Medians of ${rounds} interleaved rounds, lines from the slowest to the fastest. ${results.machine}, ${hot.measuredAt.slice(0, 10)}.`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="14" role="img">
<title>Validated requests per second</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="16" y="28" font-size="17">Validated requests per second, one process, ${results.sessions.toLocaleString('en-US')} sessions</text>
${bars.join('\n')}
<text x="16" y="${height - 12}" font-size="11" fill="#57606a">${escapeText(note)}</text>
</svg>
`;
}

const escapeText = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
