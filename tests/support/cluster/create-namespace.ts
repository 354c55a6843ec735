import { randomBytes } from 'node:crypto';
import type { KubernetesObject } from '@kubernetes/client-node';
import { applyManifests } from '../../../k8s/cluster/apply-manifests.ts';
import type { Cluster } from './connect-cluster.ts';

export interface TestNamespace extends AsyncDisposable {
  readonly name: string;
  /** Server-side apply of objects that belong here; `metadata.namespace` is filled in. */
  apply(...objects: KubernetesObject[]): Promise<void>;
}

/**
 * A namespace that nobody had before, removed with all that is in it when it is disposed of (HOLDFAST_KEEP=1 keeps it, to look
 * at). Its removal is not waited for: a name is never used again.
 */
export async function createNamespace(
  cluster: Cluster,
  purpose: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<TestNamespace> {
  const name = `${purpose}-${randomBytes(4).toString('hex')}`;
  await cluster.core.createNamespace({ body: { metadata: { name, labels: { ...labels } } } });
  return {
    name,
    apply: async (...objects) => {
      const placed = objects.map((object) => ({ ...object, metadata: { namespace: name, ...object.metadata } }));
      await applyManifests(cluster.config, placed, 'holdfast-test');
    },
    [Symbol.asyncDispose]: async () => {
      if (process.env['HOLDFAST_KEEP'] !== '1') await cluster.core.deleteNamespace({ name });
    },
  };
}
