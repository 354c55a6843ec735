import { type ToolName, toolPath } from '../cluster/binaries.ts';
import { existingProvider } from '../cluster/choose-provider.ts';
import { forgetOnNodes } from '../cluster/native/node-images.ts';
import { registryAddress } from '../cluster/native/topology.ts';
import { ensureProgramImage } from './program-image.ts';
import { lockImages } from './put-images.ts';

/**
 * Puts an image of one program where the cluster's nodes get it. Nothing but a test needs these, so they are not among those that
 * `npm run images` puts. The first call on a machine builds the program, which may take minutes.
 */
export async function putProgram(name: string, tool: ToolName): Promise<void> {
  // kind's nodes pull the official one.
  if ((await existingProvider())?.name !== 'native') return;
  await using _lock = await lockImages();
  if (await ensureProgramImage(registryAddress, name, await toolPath(tool))) await forgetOnNodes(name);
}
