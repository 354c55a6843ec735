import { registryAddress } from '../cluster/native/topology.ts';
import { runCommand } from '../cluster/run-command.ts';
import { describeAppImage, type Service } from './app-images.ts';
import { requireBaseImage } from './base-images.ts';
import { dockerAnswers } from './docker.ts';
import { parseImageName } from './image-registry.ts';
import { requireImageStore } from './image-store.ts';
import { appBase, lockImages, type MakeBaseImage, withAppImage } from './put-images.ts';

export interface NamedImage {
  readonly service: Service;
  /** In full, as the builder's caller will write it into pods. */
  readonly name: string;
  /** Push it to the registry in its name. */
  readonly push: boolean;
  readonly owner: string;
}

/**
 * Builds a service's image under a name that somebody else chose: a custom build command of skaffold. Without a push it stays in
 * Docker, and where there is no Docker, goes to the cluster's nodes all the same.
 */
export async function buildNamedImage(
  { service, name, push, owner }: NamedImage,
  makeBase: MakeBaseImage,
): Promise<void> {
  await using _lock = await lockImages();
  const base = await makeBase(requireBaseImage(appBase));
  const image = { ...(await describeAppImage(service, base, owner)), name };
  await withAppImage(image, base, async (dir) => {
    const { host } = parseImageName(name);
    if (push && host !== undefined) await pushTo(host, name, dir);
    else if (push || !(await dockerAnswers())) await (await requireImageStore()).put(name, dir);
  });
}

/** Our own registry speaks plain HTTP; to others skopeo logs in with what `docker login` or `skopeo login` left. */
async function pushTo(host: string, name: string, dir: string): Promise<void> {
  const plain = host === registryAddress ? ['--dest-tls-verify=false'] : [];
  await runCommand('skopeo', ['--insecure-policy', 'copy', '--quiet', ...plain, `oci:${dir}`, `docker://${name}`]);
}
