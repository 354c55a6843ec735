import type { Need, Scenario } from './scenario.ts';

const needs: Readonly<Record<Need, string>> = {
  nodes: 'access to the nodes themselves: only in the cluster of `npm run cluster:up`',
  'three nodes': 'three nodes',
};
const WIDTH = 110;

/** What `--list` prints. */
export function describeScenarios(scenarios: readonly Scenario[]): string {
  return scenarios
    .map(({ name, title, explanation, needs: needed }) => {
      const lines = [name, `  ${title}`, ...wrap(explanation)];
      if (needed.length > 0) lines.push(`    Needs ${needed.map((need) => needs[need]).join('; ')}.`);
      return lines.join('\n');
    })
    .join('\n\n');
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > WIDTH) lines.push(`    ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
