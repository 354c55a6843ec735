import { parseImageName } from '../../images/image-registry.ts';
import { tryCommand } from '../run-command.ts';
import { holderOf } from './node.ts';
import { nodes } from './topology.ts';

/** A node that has an image of this name doesn't ask for a newer one; now it will. What runs of it runs on. */
export async function forgetOnNodes(name: string): Promise<void> {
  const { repository, tag } = parseImageName(name);
  await Promise.all(
    nodes.map(async (node) => {
      const holder = holderOf(node);
      if (holder === undefined) return;
      const images = ['ctr', '--namespace', 'k8s.io', 'images', 'rm', `docker.io/${repository}:${tag}`];
      await tryCommand('nsenter', [`--target=${holder.pid}`, '--mount', '--', ...images]);
    }),
  );
}
