import {
  HttpMethod,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
} from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';

/** @returns a client configuration of the given kubeconfig alone: neither environment nor default files are read. */
export function loadKubeConfig(path: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(path);
  return config;
}

/** Objects of a YAML text with several documents, `$(name)` replaced from `values`. @throws Error for a name without a value. */
export function parseManifests(text: string, values: Readonly<Record<string, string>> = {}): KubernetesObject[] {
  const filled = text.replace(/\$\((\w+)\)/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the manifest uses $(${name}), which has no value`);
    return value;
  });
  return parseAllDocuments(filled)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);
}

/** Server-side apply, in order; what others changed in our fields is taken back. */
export async function applyManifests(
  config: KubeConfig,
  objects: readonly KubernetesObject[],
  owner = 'holdfast',
): Promise<void> {
  const client = config.makeApiClient(Applier);
  for (const object of objects) await client.apply(object, owner);
}

/**
 * Sends objects as they are. The client's own patch() sends what its model classes know by their own names: of a NetworkPolicy's rule
 * that is `_from`, and a `from` is left out without a word, so that the policy lets everybody in.
 */
class Applier extends KubernetesObjectApi {
  async apply(object: KubernetesObject, owner: string): Promise<void> {
    const path = await this.specUriPath(object, 'patch');
    const request = this.configuration.baseServer.makeRequestContext(path, HttpMethod.PATCH);
    request.setHeaderParam('Accept', 'application/json');
    request.setHeaderParam('Content-Type', PatchStrategy.ServerSideApply);
    request.setQueryParam('fieldManager', owner);
    request.setQueryParam('force', 'true');
    request.setBody(JSON.stringify(object));
    await this.requestPromise(request);
  }
}
