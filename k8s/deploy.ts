import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toolPath } from './cluster/binaries.ts';
import { kubeconfigPath } from './cluster/paths.ts';
import { step } from './cluster/progress.ts';
import { runCommand } from './cluster/run-command.ts';
import { putImages } from './images/put-images.ts';

const environments = ['dev', 'staging', 'prod'];
const usage = `usage: npm run deploy -- ${environments.join('|')} [options]
  --namespace NAME   default: holdfast
  --release NAME     default: holdfast
  --context NAME     a context of your kubeconfig; default: the cluster of \`npm run cluster:up\`, where it is up
  --tag TAG          images that are in a registry already; default: built now, for the cluster of \`npm run cluster:up\`
  --set KEY=VALUE    a value for helm; may be repeated`;

const root = join(import.meta.dirname, '..');
const chart = join(root, 'charts', 'holdfast');

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      namespace: { type: 'string', default: 'holdfast' },
      release: { type: 'string', default: 'holdfast' },
      context: { type: 'string' },
      tag: { type: 'string' },
      set: { type: 'string', multiple: true, default: [] },
    },
  });
  const [environment = ''] = positionals;
  if (!environments.includes(environment) || positionals.length !== 1) throw new UsageError(usage);
  const { namespace, release, context } = values;
  const target = chooseTarget(context);
  const [helm, kubectl] = [await toolPath('helm'), await toolPath('kubectl')];

  if (values.tag === undefined && context !== undefined) {
    throw new UsageError('--context needs --tag: push the images where that cluster finds them, and name their tag.');
  }
  const tag = values.tag ?? (await putImages());
  await step('chart dependencies', () => runCommand(helm, ['dependency', 'build', chart]));
  await step(`helm upgrade --install ${release} (${environment})`, () =>
    runCommand(helm, [
      ...['upgrade', '--install', release, chart, ...target.helm, '--namespace', namespace, '--create-namespace'],
      ...['--values', join(import.meta.dirname, 'environments', `${environment}.yaml`)],
      ...['--set', `auth.image.tag=${tag},orders.image.tag=${tag}`],
      ...values.set.flatMap((assignment) => ['--set', assignment]),
      ...['--wait', '--timeout', '5m'],
    ]),
  );
  console.log(await runCommand(helm, ['get', 'notes', release, ...target.helm, '--namespace', namespace]));
  console.log(await runCommand(kubectl, [...target.kubectl, '-n', namespace, 'get', 'pods', '-o', 'wide']));
}

class UsageError extends Error {}

/** Arguments that lead to the cluster. A context that was not named is taken only where this project made the cluster. */
function chooseTarget(context: string | undefined): { helm: string[]; kubectl: string[] } {
  if (context !== undefined) return { helm: ['--kube-context', context], kubectl: ['--context', context] };
  if (existsSync(kubeconfigPath)) {
    return { helm: ['--kubeconfig', kubeconfigPath], kubectl: ['--kubeconfig', kubeconfigPath] };
  }
  throw new UsageError('There is no cluster here: make one with `npm run cluster:up`, or name yours with --context.');
}

try {
  await main();
} catch (error) {
  const plain = error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  console.error((error as Error).message);
  if (plain && !(error instanceof UsageError)) console.error(usage);
  process.exitCode = plain ? 2 : 1;
}
