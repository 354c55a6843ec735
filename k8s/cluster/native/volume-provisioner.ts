import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CoreV1Api, type V1PersistentVolume, type V1PersistentVolumeClaim } from '@kubernetes/client-node';
import { loadKubeConfig } from '../apply-manifests.ts';
import { provisioner, storageClass } from './storage-names.ts';
import { nodes } from './topology.ts';

// The cluster's disks: a program of its own, as a cloud's volume controller is. `up` starts it with the path of its kubeconfig.
// Volumes are of kind local and not hostPath, for which kubelet would ignore fsGroup; and, as a zonal disk's, their place is one node.
const [kubeconfig = ''] = process.argv.slice(2);
const core = loadKubeConfig(kubeconfig).makeApiClient(CoreV1Api);

for (;;) {
  try {
    await reconcile();
  } catch (error) {
    // The API server may be away; claims wait and are seen again.
    console.error(new Date().toISOString(), error instanceof Error ? error.message : error);
  }
  // Whole lists and no watch: nothing to miss, and on this scale nothing to save.
  await delay(1000);
}

async function reconcile(): Promise<void> {
  const volumes = (await core.listPersistentVolume({ resourceVersion: '0' })).items.filter(isOurs);
  const claims = (await core.listPersistentVolumeClaimForAllNamespaces({ resourceVersion: '0' })).items;
  const made = new Set(volumes.map((volume) => volume.metadata?.name));
  for (const claim of claims) {
    if (isWaiting(claim) && !made.has(volumeName(claim))) await provision(claim);
  }
  for (const volume of volumes) {
    if (volume.status?.phase === 'Released' && volume.spec?.persistentVolumeReclaimPolicy === 'Delete')
      await reclaim(volume);
  }
}

function isOurs(volume: V1PersistentVolume): boolean {
  return volume.metadata?.annotations?.['pv.kubernetes.io/provisioned-by'] === provisioner;
}

function isWaiting(claim: V1PersistentVolumeClaim): boolean {
  return (
    claim.spec?.storageClassName === storageClass &&
    claim.spec.volumeName === undefined &&
    selectedNode(claim) !== undefined
  );
}

function selectedNode(claim: V1PersistentVolumeClaim): string | undefined {
  return claim.metadata?.annotations?.['volume.kubernetes.io/selected-node'];
}

function volumeName(claim: V1PersistentVolumeClaim): string {
  return `pvc-${claim.metadata?.uid}`;
}

async function provision(claim: V1PersistentVolumeClaim): Promise<void> {
  const node = nodes.find((candidate) => candidate.name === selectedNode(claim));
  const { metadata, spec } = claim;
  if (node === undefined || metadata === undefined || spec === undefined) return;
  const name = volumeName(claim);
  const path = join(node.dir, 'volumes', name);
  // Root's alone, as a new disk is: who may write is for fsGroup to say.
  await mkdir(path, { recursive: true, mode: 0o755 });
  await core.createPersistentVolume({
    body: {
      metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
      spec: {
        capacity: { storage: spec.resources?.requests?.['storage'] ?? '1Gi' },
        accessModes: spec.accessModes ?? ['ReadWriteOnce'],
        volumeMode: 'Filesystem',
        storageClassName: storageClass,
        persistentVolumeReclaimPolicy: 'Delete',
        claimRef: {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          name: metadata.name ?? '',
          namespace: metadata.namespace ?? '',
          uid: metadata.uid ?? '',
        },
        local: { path },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node.name] }] },
            ],
          },
        },
      },
    },
  });
  console.log(new Date().toISOString(), `made ${name} on ${node.name} for ${metadata.namespace}/${metadata.name}`);
}

async function reclaim(volume: V1PersistentVolume): Promise<void> {
  const name = volume.metadata?.name;
  const path = volume.spec?.local?.path;
  // The path comes from the API, where others write too: only what is a volume of ours is removed.
  const known = nodes.some((node) => path === join(node.dir, 'volumes', name ?? ''));
  if (name === undefined || path === undefined || !known) return;
  await rm(path, { recursive: true, force: true });
  await core.deletePersistentVolume({ name });
  console.log(new Date().toISOString(), `removed ${name}`);
}
