import { parseArgs } from 'node:util';
import { type ToolName, toolNames, toolPath } from './binaries.ts';
import { chooseProvider, existingProvider } from './choose-provider.ts';
import { registryAddress } from './native/topology.ts';
import { kubeconfigPath } from './paths.ts';
import { seconds } from './progress.ts';

const usage = `usage: main.ts <command> [--provider native|kind]
  up          make the cluster, or mend it
  down        remove all of it
  status      tell how it is; exit code 1 unless all is well; --registry: only the address of its image registry
  kubeconfig  print the path of its kubeconfig
  tool <name> print the path of ${toolNames.join(', ')} (built when missing)`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { provider: { type: 'string' }, registry: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const [command, argument] = positionals;
  const startedAt = performance.now();
  switch (command) {
    case 'up': {
      const provider = await chooseProvider(values.provider);
      console.error(`cluster up (${provider.name})`);
      await provider.up();
      console.error(`up after ${seconds(startedAt)}; export KUBECONFIG=${kubeconfigPath}`);
      return 0;
    }
    case 'down': {
      // Without a cluster of either kind native still looks: what a killed `up` left may be less than a state directory.
      const provider = (await existingProvider()) ?? (await chooseProvider(values.provider));
      console.error(`cluster down (${provider.name})`);
      await provider.down();
      console.error(`down after ${seconds(startedAt)}`);
      return 0;
    }
    case 'status': {
      const provider = await existingProvider();
      if (provider === undefined) {
        console.log('down');
        return 1;
      }
      if (values.registry) {
        if (provider.name !== 'native') throw new Error(`a cluster of provider ${provider.name} has no image registry`);
        console.log(registryAddress);
        return 0;
      }
      const { healthy, lines } = await provider.status();
      console.log([`${healthy ? 'up' : 'not well'} (${provider.name})`, ...lines].join('\n'));
      return healthy ? 0 : 1;
    }
    case 'kubeconfig':
      console.log(kubeconfigPath);
      return 0;
    case 'tool':
      console.log(await toolPath(argument as ToolName));
      return 0;
    default:
      console.error(usage);
      return 2;
  }
}

try {
  // A request that nobody waits for any more would keep the process until its server gives up.
  process.exit(await main());
} catch (error) {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    console.error(at === error ? at.message : `because: ${at.message}`);
  process.exit(1);
}
