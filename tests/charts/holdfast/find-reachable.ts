import type { HoldfastRelease } from './holdfast-release.ts';

/** Numbers, so that no name is looked up: a lookup that fails would look like a way that is shut. */
export type Targets = Readonly<Record<string, { address: string; port: number }>>;

export interface Source {
  readonly pod: string;
  readonly container?: string;
  /** Default: the release's. */
  readonly namespace?: string;
}

// All our images have bash.
const script = `
for target in "$@"; do
  (IFS=' ' read -r name address port <<< "$target"
   timeout 2 bash -c "</dev/tcp/$address/$port" 2>/dev/null && echo "$name") &
done
wait`;

/** The names of those targets that accept a connection from that pod, sorted. */
export async function findReachable(release: HoldfastRelease, source: Source, targets: Targets): Promise<string[]> {
  const { pod, container, namespace = release.namespace } = source;
  const words = Object.entries(targets).map(([name, { address, port }]) => `${name} ${address} ${port}`);
  const output = await release.kubectl(
    ...['-n', namespace, 'exec', pod, ...(container === undefined ? [] : ['-c', container])],
    ...['--', 'bash', '-c', script, 'bash', ...words],
  );
  return output.trim().split('\n').filter(Boolean).sort();
}
