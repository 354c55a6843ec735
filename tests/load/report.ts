import { arms } from './plan.ts';
import type { GreedyUserResults, GrowthStep, LeakStep, LoadResults, Results, Row, Summary } from './results.ts';

const titleOf = (name: string) => arms.find((arm) => arm.name === name)?.title ?? name;
const whole = (value: number) => Math.round(value).toLocaleString('en-US');
const short = (value: number) =>
  Math.abs(value) >= 100 ? whole(value) : value.toPrecision(Math.abs(value) >= 10 ? 3 : 2);
const toMinute = (isoTime: string) => `${isoTime.slice(0, 16).replace('T', ' ')} UTC`;
const spread = ({ median, min, max }: Summary, format: (value: number) => string) =>
  `${format(median)} (${format(min)}–${format(max)})`;

/** Markdown: the load's arms, the fastest first. */
export function createLoadTable({ rows, costs }: LoadResults): string {
  const fastest = rows.toSorted((a, b) => b.requestsPerSecond.median - a.requestsPerSecond.median);
  const lines = fastest.map((row) => {
    const cost = costs.find(({ arm }) => arm === row.arm);
    return [
      titleOf(row.arm),
      spread(row.requestsPerSecond, whole),
      spread(row.p50Ms, short),
      spread(row.p99Ms, short),
      short(row.cpuMicros.median),
      short(row.redisCpuMicros.median),
      cost ? String(cost.roundTrips) : '–',
      cost ? String(cost.commands) : '–',
      cost ? String(cost.replicationBytes) : '–',
    ];
  });
  return toTable(
    ['', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs', 'Redis µs', 'round trips', 'commands', 'replication bytes'],
    lines,
  );
}

/** The README's table: the main row of each arm, the direct one of Holdfast as the measure. */
export function createMainTable(results: Results): string {
  const hot = results.loads.find(({ load }) => load === 'hot');
  const own = hot?.rows.find(({ arm }) => arm === 'holdfast');
  if (!hot || !own) return '';
  const rate = (row: Row) => row.requestsPerSecond.median;
  const lines = hot.rows
    .toSorted((a, b) => rate(b) - rate(a))
    .map((row) => {
      const cost = hot.costs.find(({ arm }) => arm === row.arm);
      const bytes =
        results.bytesPerSession[row.arm] ??
        (row.arm.startsWith('holdfast') ? results.bytesPerSession['holdfast'] : undefined);
      return [
        titleOf(row.arm),
        whole(rate(row)),
        `${(rate(row) / rate(own)).toFixed(2)} ×`,
        short(row.p50Ms.median),
        short(row.p99Ms.median),
        cost ? String(cost.roundTrips) : '–',
        cost ? String(cost.replicationBytes) : '–',
        bytes === undefined ? '–' : String(bytes),
      ];
    });
  return toTable(
    ['', 'requests/s', 'of Holdfast', 'p50 ms', 'p99 ms', 'Redis round trips', 'replicated bytes', 'bytes per session'],
    lines,
  );
}

/** All of it, for people. */
export function printTables(results: Results): string {
  const { machine, versions, pinning, sessions } = results;
  const parts = results.loads.map((load) => {
    const rounds = load.rows[0]?.rounds ?? 0;
    return `## ${load.title}\n${load.connections} connections, medians of ${rounds} rounds (min–max), ${toMinute(load.measuredAt)}\n\n${createLoadTable(load)}`;
  });
  const bytes = Object.entries(results.bytesPerSession).map(([arm, size]) => `${titleOf(arm)} ${size} bytes`);
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    '# Benchmark',
    `${machine}. Pinned: ${pinning}. ${sessions.toLocaleString('en-US')} sessions. ${names.join(', ')}.`,
    'CPU µs: of the service for a request. Redis µs: of Redis for a request. Round trips, commands (as INFO counts them, those inside of a function too) and replication bytes: of one request whose session was used in the same minute.',
    ...(bytes.length > 0 ? [`Redis memory for a session: ${bytes.join(', ')}.`] : []),
    ...parts,
    ...(results.greedyUser ? [createGreedyUserTables(results.greedyUser)] : []),
    ...(results.growth ? [`## Growth\n${createGrowthTable(results.growth)}`] : []),
    ...Object.entries(results.leak ?? {}).map(
      ([arm, steps]) => `## ${titleOf(arm)}: the service after so many requests\n\n${createLeakTable(steps)}`,
    ),
  ].join('\n\n');
}

function createGreedyUserTables({ title, measuredAt, rounds, others, calls }: GreedyUserResults): string {
  const waits = others.map((other) => [
    other.title,
    spread(other.p99Without, short),
    spread(other.p99BesideElsewhere, short),
    spread(other.p99Beside, short),
    spread(other.moreMs, short),
  ]);
  const times = calls.map((call) => [
    call.title,
    whole(call.count),
    spread(call.micros, whole),
    spread(call.longestMicros, whole),
  ]);
  return [
    `## ${title}\nThe one logs in, lists, rotates and ends all sessions without pause. Medians of ${rounds} rounds (min–max), ${toMinute(measuredAt)}`,
    toTable(
      ['the others', 'p99 ms without', 'p99 ms, the one in another Redis', 'p99 ms, the one in the same', 'more ms'],
      waits,
    ),
    'What a call takes Redis at the limit, while nobody else asks it anything. Average: by `commandstats`. Longest of a round: by `SLOWLOG`, at least 500.',
    toTable(['', 'calls', 'average µs', 'longest µs'], times),
  ].join('\n\n');
}

function createGrowthTable(steps: readonly GrowthStep[]): string {
  const lines = steps.flatMap((step, index) => {
    const { sessionsPerUser, sessions, bytesPerSession, parts } = step;
    const line = [
      whole(sessions),
      whole(sessionsPerUser),
      whole(step.memoryMegabytes),
      String(bytesPerSession),
      `${parts.records} + ${parts.touches}`,
      whole(step.requestsPerSecond),
      short(step.p50Ms),
      short(step.p99Ms),
    ];
    const isLast = steps[index + 1]?.sessionsPerUser !== sessionsPerUser;
    if (!isLast || sessions >= 10_000_000) return [line];
    const megabytes = whole((bytesPerSession * 10_000_000) / 1e6);
    return [
      line,
      ['10,000,000 (projected)', whole(sessionsPerUser), megabytes, String(bytesPerSession), '', '', '', ''],
    ];
  });
  return toTable(
    ['sessions', 'a user', 'Redis MB', 'bytes each', "a user's records + touches", 'requests/s', 'p50 ms', 'p99 ms'],
    lines,
  );
}

function createLeakTable(steps: readonly LeakStep[]): string {
  const lines = steps.map(({ requests, heapMegabytes, residentMegabytes, cpuMicros }) => [
    whole(requests),
    String(heapMegabytes),
    String(residentMegabytes),
    String(cpuMicros),
  ]);
  return toTable(['requests', 'heap MB, collected', 'resident MB', 'CPU µs per request'], lines);
}

function toTable(head: string[], lines: string[][]): string {
  const numbers = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [head, numbers, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
