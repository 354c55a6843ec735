import { containersOf, podSpecs } from './pod-specs.ts';
import type { Manifest } from './render-chart.ts';

/**
 * What in the manifests' pods is weaker than Kubernetes' "restricted" Pod Security Standard, or than this project's own rule: a
 * read-only root, requests, limits and no API token. Empty when all is well.
 */
export function findPodWeaknesses(manifests: readonly Manifest[]): string[] {
  return podSpecs(manifests).flatMap(([pod, spec]) => {
    const found: string[] = [];
    const require = (holds: boolean, what: string) => holds || found.push(`${pod}: ${what}`);
    require(spec.automountServiceAccountToken === false, 'mounts an API token');
    require(spec.volumes?.every((volume) => volume['hostPath'] === undefined) ?? true, 'mounts a path of the host');
    for (const container of containersOf(spec)) {
      const security = { ...spec.securityContext, ...container.securityContext };
      const { resources, name } = container;
      require(security['runAsNonRoot'] === true && security['runAsUser'] !== 0, `${name} may run as root`);
      require(security['allowPrivilegeEscalation'] === false, `${name} may gain privileges`);
      require(security['privileged'] !== true, `${name} is privileged`);
      require(security['readOnlyRootFilesystem'] === true, `${name} can write to its root`);
      require(container.securityContext?.capabilities?.drop?.includes('ALL') === true, `${name} keeps capabilities`);
      require(container.securityContext?.capabilities?.add === undefined, `${name} adds capabilities`);
      const profile = security['seccompProfile'] as { type?: string } | undefined;
      require(profile?.type === 'RuntimeDefault', `${name} has no seccomp profile`);
      for (const resource of ['cpu', 'memory']) {
        require(resources?.requests?.[resource] !== undefined, `${name} requests no ${resource}`);
        require(resources?.limits?.[resource] !== undefined, `${name} has no limit of ${resource}`);
      }
    }
    return found;
  });
}
