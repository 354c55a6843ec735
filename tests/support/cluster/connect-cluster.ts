import { AppsV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { loadKubeConfig } from '../../../k8s/cluster/apply-manifests.ts';
import { existingProvider } from '../../../k8s/cluster/choose-provider.ts';
import { kubeconfigPath } from '../../../k8s/cluster/paths.ts';
import type { NodeFaults } from '../../../k8s/cluster/provider.ts';

export interface Cluster {
  /** Of the user's kubeconfig; undefined for the cluster of `npm run cluster:up`. */
  readonly context: string | undefined;
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  /** What can befall its nodes. @throws Error when it is not one of this machine's. */
  faults(): Promise<NodeFaults>;
}

/** The cluster of `npm run cluster:up`, or that of a context of the user's kubeconfig, where only the API can be used. */
export function connectCluster(context?: string): Cluster {
  const config = context === undefined ? loadKubeConfig(kubeconfigPath) : loadContext(context);
  return {
    context,
    config,
    core: config.makeApiClient(CoreV1Api),
    apps: config.makeApiClient(AppsV1Api),
    faults: async () => {
      const provider = context === undefined ? await existingProvider() : undefined;
      if (provider === undefined) throw new Error('nodes can be broken only in the cluster of npm run cluster:up');
      return provider.faults;
    },
  };
}

function loadContext(context: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromDefault();
  config.setCurrentContext(context);
  return config;
}
