import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { dirname } from 'node:path';
import type { RunningRelease } from '../../support/cluster/running-release.ts';
import { renderReport } from './report/render-report.ts';
import type { DrillRecord } from './run-drill.ts';

/** The page, and beside it everything it was made from. */
export async function writeReport(
  file: string,
  release: RunningRelease,
  records: readonly DrillRecord[],
): Promise<void> {
  const place = { context: describeTarget(release), machine: await describeMachine(release) };
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, renderReport(records, place));
  await writeFile(file.replace(/\.html$/, '.json'), JSON.stringify({ ...place, drills: records }));
}

function describeTarget({ cluster, namespace, name }: RunningRelease): string {
  return `release ${name}, namespace ${namespace}, ${cluster.context === undefined ? 'the project’s own cluster' : `context ${cluster.context}`}`;
}

async function describeMachine({ cluster }: RunningRelease): Promise<string> {
  const { items } = await cluster.core.listNode();
  const kubernetes = `${items.length} nodes of Kubernetes ${items[0]?.status?.nodeInfo?.kubeletVersion ?? ''}`;
  if (cluster.context !== undefined) return kubernetes;
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${kubernetes} on one machine with ${cpus().length} cores and ${memory} GiB, load ${loadavg()[1]?.toFixed(1)}`;
}
