import { runCommand } from '../cluster/run-command.ts';

/** Set on every image we make; an image whose hash is the wanted one needs no work. */
export const contentLabel = 'test.holdfast.content';

const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/**
 * `redis:8` as a registry files it: library/redis, 8. Names of images say at which registry they are; without one that is Docker's,
 * and only there a name of one part is in library/.
 */
export function parseImageName(name: string): { host: string | undefined; repository: string; tag: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const host = /[.:]|^localhost$/.test(first) ? first : undefined;
  const [path = '', tag = 'latest'] = (host === undefined ? name : name.slice(slash + 1)).split(':');
  const official = (host ?? 'docker.io') === 'docker.io' && !path.includes('/');
  return { host, repository: official ? `library/${path}` : path, tag };
}

/** Content label of the image that `registry` (host:port, plain HTTP) has under this name; undefined when it has none. */
export async function contentInRegistry(registry: string, name: string): Promise<string | undefined> {
  const { repository, tag } = parseImageName(name);
  const base = `http://${registry}/v2/${repository}`;
  const found = await fetch(`${base}/manifests/${tag}`, { headers: { accept: manifestTypes.join(', ') } });
  if (!found.ok) return undefined;
  const manifest = (await found.json()) as { config?: { digest?: string } };
  const blob = await fetch(`${base}/blobs/${manifest.config?.digest}`);
  if (!blob.ok) return undefined;
  const image = (await blob.json()) as { config?: { Labels?: Record<string, string> } };
  return image.config?.Labels?.[contentLabel];
}

/** @param source anything skopeo reads, such as `oci:<dir>` or `containers-storage:<name>`. */
export async function pushToRegistry(registry: string, source: string, name: string): Promise<void> {
  const { repository, tag } = parseImageName(name);
  await runCommand('skopeo', [
    ...['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false'],
    ...[source, `docker://${registry}/${repository}:${tag}`],
  ]);
}
