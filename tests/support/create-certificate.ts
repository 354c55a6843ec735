import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../k8s/cluster/run-command.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

/** PEM, for a server of these hosts. It is signed by itself, so it is its own authority. */
export async function createCertificate(...hosts: string[]): Promise<{ key: string; certificate: string }> {
  await using folder = await createTemporaryFolder('certificate');
  const [keyPath, certificatePath] = [join(folder.path, 'tls.key'), join(folder.path, 'tls.crt')];
  await runCommand('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
    ...[
      '-subj',
      '/CN=holdfast test',
      '-addext',
      `subjectAltName=${hosts.map((host) => `DNS:${host}`).join()}`,
      '-keyout',
      keyPath,
      '-out',
      certificatePath,
    ],
  ]);
  return { key: await readFile(keyPath, 'utf8'), certificate: await readFile(certificatePath, 'utf8') };
}
