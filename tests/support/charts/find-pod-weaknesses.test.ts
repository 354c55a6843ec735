import { expect, test } from 'vitest';
import { findPodWeaknesses } from './find-pod-weaknesses.ts';

const container = {
  name: 'main',
  image: 'redis',
  resources: { requests: { cpu: '1', memory: '1Mi' }, limits: { cpu: '1', memory: '1Mi' } },
  securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
};
const pod = (change: object, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'try' },
  spec: {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{ ...container, ...change }],
    ...spec,
  },
});

test('a restricted pod has none', () => expect(findPodWeaknesses([pod({})])).toEqual([]));

test.for([
  ['mounts an API token', pod({}, { automountServiceAccountToken: undefined })],
  ['may run as root', pod({}, { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } })],
  ['has no seccomp profile', pod({}, { securityContext: { runAsNonRoot: true } })],
  ['mounts a path of the host', pod({}, { volumes: [{ name: 'x', hostPath: { path: '/' } }] })],
  ['can write to its root', pod({ securityContext: { ...container.securityContext, readOnlyRootFilesystem: false } })],
  ['may gain privileges', pod({ securityContext: { ...container.securityContext, allowPrivilegeEscalation: true } })],
  ['keeps capabilities', pod({ securityContext: { ...container.securityContext, capabilities: {} } })],
  ['has no limit of memory', pod({ resources: { ...container.resources, limits: { cpu: '1' } } })],
  ['requests no cpu', pod({ resources: { limits: container.resources.limits } })],
  ['may run as root', pod({}, { initContainers: [{ ...container, securityContext: { runAsUser: 0 } }] })],
] as const)('it notices a pod that %s', ([weakness, manifest]) => {
  expect(findPodWeaknesses([manifest]).join('\n')).toContain(weakness);
});
