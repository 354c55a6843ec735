import { AutoscalingV2Api } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { createNamespace } from '../support/cluster/create-namespace.ts';
import { requireCluster } from '../support/cluster/require-cluster.ts';
import { pollUntil } from '../support/poll-until.ts';
import { webDeployment } from './web-pods.ts';

test('a HorizontalPodAutoscaler gets the metrics it scales by', { timeout: 150_000 }, async (context) => {
  const cluster = requireCluster(context);
  await using namespace = await createNamespace(cluster, 'metrics');
  const scaler = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas: 1,
      maxReplicas: 2,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ],
    },
  };
  await namespace.apply(...webDeployment('web', 1), scaler);
  const api = cluster.config.makeApiClient(AutoscalingV2Api);
  const utilization = await pollUntil(
    'the utilization of the pods',
    120_000,
    async () => {
      const { status } = await api.readNamespacedHorizontalPodAutoscaler({ namespace: namespace.name, name: 'web' });
      const active = status?.conditions?.some(({ type, status: is }) => type === 'ScalingActive' && is === 'True');
      const current = status?.currentMetrics?.[0]?.resource?.current.averageUtilization;
      return active === true && current !== undefined && { current };
    },
    500,
  );
  expect(utilization.current).toBeGreaterThanOrEqual(0);
});
