import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { certificate, pemBase64 } from './certificates.ts';
import { apiServerUrl } from './topology.ts';

/** Writes a kubeconfig for one of our certificates, credentials included, readable by its owner alone. */
export function writeKubeconfig(path: string, user: string): string {
  const { certPath, keyPath } = certificate(user);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'holdfast',
        cluster: { server: apiServerUrl, 'certificate-authority-data': pemBase64(certificate('ca').certPath) },
      },
    ],
    users: [
      { name: user, user: { 'client-certificate-data': pemBase64(certPath), 'client-key-data': pemBase64(keyPath) } },
    ],
    contexts: [{ name: 'holdfast', context: { cluster: 'holdfast', user } }],
    'current-context': 'holdfast',
  };
  mkdirSync(dirname(path), { recursive: true });
  // JSON is YAML; every client reads it.
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  return path;
}
