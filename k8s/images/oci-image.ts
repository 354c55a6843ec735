import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** What a container gets from its image; the names are the OCI image specification's. */
export interface ContainerConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly StopSignal?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** Writes an OCI image layout of one layer to `dir`. The tar is moved in, not copied. */
export async function writeOciImage(dir: string, layerTar: string, config: ContainerConfig): Promise<void> {
  await mkdir(join(dir, 'blobs', 'sha256'), { recursive: true });
  const layer = await adopt(dir, layerTar);
  const configBlob = await store(dir, {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    history: [{ created_by: 'holdfast k8s/images' }],
  });
  const manifest = await store(dir, {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...configBlob },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
  });
  await writeFile(join(dir, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const index = {
    schemaVersion: 2,
    manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', ...manifest }],
  };
  await writeFile(join(dir, 'index.json'), JSON.stringify(index));
}

async function adopt(dir: string, path: string): Promise<Blob> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const hex = hash.digest('hex');
  const { size } = await stat(path);
  await rename(path, join(dir, 'blobs', 'sha256', hex));
  await rm(path, { force: true });
  return { digest: `sha256:${hex}`, size };
}

async function store(dir: string, value: unknown): Promise<Blob> {
  const text = JSON.stringify(value);
  const hex = createHash('sha256').update(text).digest('hex');
  await writeFile(join(dir, 'blobs', 'sha256', hex), text);
  return { digest: `sha256:${hex}`, size: Buffer.byteLength(text) };
}
