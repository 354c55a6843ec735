import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPicture } from './picture.ts';
import { loads } from './plan.ts';
import { createMainTable, printTables } from './report.ts';
import type { Results } from './results.ts';

const folder = join(import.meta.dirname, 'results');
const readme = join(import.meta.dirname, '..', '..', 'README.md');
const [BEGIN, END] = ['<!-- bench -->', '<!-- /bench -->'];

/**
 * Puts the results beside those of loads that this run left out, and writes the table and the picture of all. A run on
 * another machine begins anew: rows of two machines can't be compared.
 */
export async function keepResults(results: Results): Promise<void> {
  const file = join(folder, 'results.json');
  const kept = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Results) : undefined;
  const same = kept?.machine === results.machine ? kept : undefined;
  const others = same?.loads ?? [];
  const places = loads.map(({ name }) => name);
  const merged = [
    ...others.filter(({ load }) => !results.loads.some((fresh) => fresh.load === load)),
    ...results.loads,
  ];
  const all: Results = {
    ...same,
    ...results,
    bytesPerSession: { ...same?.bytesPerSession, ...results.bytesPerSession },
    loads: merged.toSorted((a, b) => places.indexOf(a.load) - places.indexOf(b.load)),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(file, `${JSON.stringify(all, null, 2)}\n`);
  await writeFile(join(folder, 'results.md'), `${printTables(all)}\n`);
  await writeFile(join(folder, 'requests.svg'), createPicture(all));
  const text = await readFile(readme, 'utf8');
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin)
    throw new Error(`README.md has no place for the table: put ${BEGIN} and ${END} into it`);
  await writeFile(readme, `${text.slice(0, begin + BEGIN.length)}\n${createMainTable(all)}\n${text.slice(end)}`);
}
