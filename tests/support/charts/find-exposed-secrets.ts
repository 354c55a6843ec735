import { containersOf, podSpecs } from './pod-specs.ts';
import type { Manifest } from './render-chart.ts';

/** Values of Secrets shorter than this are names and the like. */
const shortestSecret = 12;

/**
 * Where a value of one of the manifests' Secrets also stands in the open: in an object of another kind, or in an argument or
 * environment variable of a container. A Secret's own text (an ACL file, a URL) is taken apart into its words first.
 */
export function findExposedSecrets(manifests: readonly Manifest[]): string[] {
  const secrets = manifests.filter(({ kind }) => kind === 'Secret');
  const words = secrets.flatMap((secret) => {
    const plain = Object.entries((secret['stringData'] ?? {}) as Record<string, string>);
    const encoded = Object.entries((secret['data'] ?? {}) as Record<string, string>);
    const values = [...plain, ...encoded.map(([key, value]): [string, string] => [key, atob(value)])];
    return values
      .filter(([key]) => !publicKeys.has(key))
      .flatMap(([, value]) => [value, ...value.split(/[\s:/@#]+/)])
      .filter((word) => word.length >= shortestSecret && /\d/.test(word))
      .map((word) => ({ word, secret: secret.metadata.name }));
  });
  const open = [
    ...manifests
      .filter(({ kind }) => kind !== 'Secret')
      .map((manifest) => ({ where: `${manifest.kind}/${manifest.metadata.name}`, text: JSON.stringify(manifest) })),
    ...podSpecs(manifests).flatMap(([pod, spec]) =>
      containersOf(spec).map(({ name, command, args, env }) => ({
        where: `${pod}, container ${name}`,
        text: JSON.stringify([command, args, env?.map(({ value }) => value)]),
      })),
    ),
  ];
  return [
    ...new Set(
      open.flatMap(({ where, text }) =>
        words
          .filter(({ word }) => text.includes(word))
          .map(({ secret }) => `${where} shows a value of Secret ${secret}`),
      ),
    ),
  ];
}

/** What a Secret of type kubernetes.io/tls holds next to its key, and tells anyone who connects. */
const publicKeys = new Set(['ca.crt', 'tls.crt']);
