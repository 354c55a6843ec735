import { runCommand, tryCommand } from '../run-command.ts';
import { bridgeMac, bridgeName, hostIp, nodePrefixLength } from './topology.ts';

/** The only wire between the nodes, and the host's place on it. It leads nowhere else. */
export async function ensureBridge(): Promise<void> {
  if ((await tryCommand('ip', ['link', 'show', bridgeName])) === undefined) {
    await runCommand('ip', ['link', 'add', bridgeName, 'address', bridgeMac, 'type', 'bridge']);
  }
  await runCommand('ip', ['addr', 'replace', `${hostIp}/${nodePrefixLength}`, 'dev', bridgeName]);
  await runCommand('ip', ['link', 'set', bridgeName, 'up']);
}

/** Its addresses and the host's routes to the pods go with it. */
export async function removeBridge(): Promise<void> {
  if ((await tryCommand('ip', ['link', 'show', bridgeName])) !== undefined)
    await runCommand('ip', ['link', 'del', bridgeName]);
}
