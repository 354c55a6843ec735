import { toolPath } from '../cluster/binaries.ts';
import { existingProvider } from '../cluster/choose-provider.ts';
import { forgetOnNodes } from '../cluster/native/node-images.ts';
import { registryAddress } from '../cluster/native/topology.ts';
import { ensureProgramImage } from './program-image.ts';
import { lockImages } from './put-images.ts';

export const ingressControllerImage = 'traefik:v3.6';

/**
 * Puts Traefik's image where the cluster's nodes get it. Nothing but the test of the Ingress needs it, so it is not among those that
 * `npm run images` puts. The first call on a machine builds Traefik, which takes minutes.
 */
export async function putIngressController(): Promise<void> {
  // kind's nodes pull the official one.
  if ((await existingProvider())?.name !== 'native') return;
  await using _lock = await lockImages();
  const path = await toolPath('traefik');
  if (await ensureProgramImage(registryAddress, ingressControllerImage, path))
    await forgetOnNodes(ingressControllerImage);
}
