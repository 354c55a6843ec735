import type { KubernetesObject, V1Pod, V1PodSpec } from '@kubernetes/client-node';

export const webPort = 8080;

// Answers with its pod and node. Node's image is there for the services anyway.
const server = `
const { createServer } = require('node:http');
createServer((_, response) => response.end(process.env.POD + ' ' + process.env.NODE))
  .listen(${webPort}, () => console.log('listening'));`;

/** A pod that serves HTTP and from which others can be asked. It ends at once when told to. */
export function webPodSpec(more: Partial<V1PodSpec> = {}): V1PodSpec {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  return {
    terminationGracePeriodSeconds: 0,
    securityContext: { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000 },
    ...more,
    containers: [
      {
        name: 'web',
        image: 'node:24-trixie-slim',
        command: ['node', '-e', server],
        env: [field('POD', 'metadata.name'), field('NODE', 'spec.nodeName')],
        ports: [{ containerPort: webPort }],
        readinessProbe: { tcpSocket: { port: webPort }, periodSeconds: 1 },
        resources: { requests: { cpu: '10m', memory: '32Mi' } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        ...more.containers?.[0],
      },
    ],
  };
}

export function webPod(name: string, node: string, labels: Record<string, string> = {}): V1Pod {
  const nodeSelector = { 'kubernetes.io/hostname': node };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name, ...labels } },
    spec: webPodSpec({ nodeSelector }),
  };
}

/** One pod on each of three nodes, and a Service before them. */
export function webDeployment(name: string, replicas = 3): KubernetesObject[] {
  const labels = { app: name };
  const spread = {
    maxSkew: 1,
    topologyKey: 'topology.kubernetes.io/zone',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: labels },
  };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: webPodSpec({ topologySpreadConstraints: [spread] }) },
    },
  };
  return [deployment, webService(name)];
}

export function webService(name: string): KubernetesObject {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: webPort }] },
  };
  return service;
}
