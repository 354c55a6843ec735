import type { KubernetesObject } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { createNamespace } from '../support/cluster/create-namespace.ts';
import { deleteVolume } from '../support/cluster/delete-volume.ts';
import { execInPod } from '../support/cluster/exec-in-pod.ts';
import { requireCluster } from '../support/cluster/require-cluster.ts';
import { waitForPod } from '../support/cluster/wait-for-pod.ts';
import { webPodSpec } from './web-pods.ts';

test('a volume keeps its data when its pod is deleted and comes back, and loses it with its claim', {
  timeout: 120_000,
}, async (context) => {
  const cluster = requireCluster(context);
  await using namespace = await createNamespace(cluster, 'volume');
  await namespace.apply(keeper({ fsGroup: 2000 }));
  const ref = { namespace: namespace.name, pod: 'keeper-0' };
  const first = await waitForPod(cluster, ref);
  const wrote = await execInPod(cluster, ref, ['sh', '-c', 'id -u && cat > /data/note'], { input: 'kept' });
  expect(wrote, 'a pod that is not root writes to it by its fsGroup').toMatchObject({ exitCode: 0, stdout: '1000\n' });

  await cluster.core.deleteNamespacedPod({ namespace: namespace.name, name: ref.pod });
  const second = await waitForPod(cluster, ref, { formerUid: first.metadata?.uid });
  expect((await execInPod(cluster, ref, ['cat', '/data/note'])).stdout).toBe('kept');
  expect(second.spec?.nodeName, 'its disk is in one zone').toBe(first.spec?.nodeName);

  await deleteVolume(cluster, namespace.name, 'data-keeper-0');
  await waitForPod(cluster, ref, { formerUid: second.metadata?.uid });
  expect((await execInPod(cluster, ref, ['ls', '/data'])).stdout).toBe('');
});

test('without fsGroup a pod that is not root cannot write to a new volume', { timeout: 120_000 }, async (context) => {
  const cluster = requireCluster(context);
  await using namespace = await createNamespace(cluster, 'volume-mode');
  await namespace.apply(keeper({}));
  const ref = { namespace: namespace.name, pod: 'keeper-0' };
  await waitForPod(cluster, ref);
  const { exitCode, stderr } = await execInPod(cluster, ref, ['sh', '-c', 'echo no > /data/note']);
  expect(stderr).toContain('Permission denied');
  expect(exitCode).not.toBe(0);
});

function keeper(securityContext: { fsGroup?: number }): KubernetesObject {
  const labels = { app: 'keeper' };
  const spec = webPodSpec({
    securityContext: { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, ...securityContext },
  });
  const [container] = spec.containers;
  const set = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'keeper' },
    spec: {
      serviceName: 'keeper',
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { ...spec, containers: [{ ...container, volumeMounts: [{ name: 'data', mountPath: '/data' }] }] },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
        },
      ],
    },
  };
  return set;
}
