import type { Manifest } from './render-chart.ts';

interface Container {
  name: string;
  image: string;
  command?: string[];
  args?: string[];
  env?: { name: string; value?: string; valueFrom?: object }[];
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  securityContext?: Record<string, unknown> & { capabilities?: { drop?: string[]; add?: string[] } };
}

export interface PodSpec {
  automountServiceAccountToken?: boolean;
  securityContext?: Record<string, unknown>;
  containers: Container[];
  initContainers?: Container[];
  volumes?: Record<string, unknown>[];
}

/** The specification of each pod that the manifests make, by `Kind/name`. */
export function podSpecs(manifests: readonly Manifest[]): [name: string, spec: PodSpec][] {
  return manifests.flatMap((manifest): [string, PodSpec][] => {
    const { kind, metadata } = manifest;
    const template = kind === 'CronJob' ? manifest['spec'].jobTemplate.spec.template : manifest['spec']?.template;
    const spec = kind === 'Pod' ? manifest['spec'] : template?.spec;
    return spec?.containers === undefined ? [] : [[`${kind}/${metadata.name}`, spec as PodSpec]];
  });
}

export function containersOf(spec: PodSpec): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}
