import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireGo } from '../../../k8s/cluster/go-toolchain.ts';
import { cacheDir } from '../../../k8s/cluster/paths.ts';
import { runCommand } from '../../../k8s/cluster/run-command.ts';

type Schema = Record<string, unknown>;

/**
 * Folder with a strict JSON schema of each kind of the cluster's Kubernetes version, `<kind>-<group>-<version>.json`. They are made
 * from the OpenAPI description in Kubernetes' source, which the Go module proxy serves, and kept in the cache.
 */
export async function kubernetesSchemas(): Promise<string> {
  const source = join(import.meta.dirname, '..', '..', '..', 'k8s', 'cluster', 'go', 'kubernetes');
  const pinned = /^\s*(?:require )?k8s\.io\/kubernetes (v\S+)/m.exec(
    await readFile(join(source, 'go.mod'), 'utf8'),
  )?.[1];
  if (pinned === undefined) throw new Error(`${source}/go.mod names no version of k8s.io/kubernetes`);
  const folder = join(cacheDir, `kubernetes-schemas-${pinned}`);
  if (await exists(folder)) return folder;

  const module = JSON.parse(
    await runCommand(await requireGo(), ['mod', 'download', '-json', `k8s.io/kubernetes@${pinned}`], { cwd: source }),
  ) as { Dir: string };
  const openApi = await readFile(join(module.Dir, 'api', 'openapi-spec', 'swagger.json'), 'utf8');
  const partial = `${folder}.${process.pid}`;
  try {
    await mkdir(partial, { recursive: true });
    for (const [name, schema] of kindSchemas(JSON.parse(openApi)))
      await writeFile(join(partial, `${name}.json`), JSON.stringify(schema));
    await rename(partial, folder);
  } catch (cause) {
    // Another run may have been faster.
    if (!(await exists(folder))) throw cause;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}

function* kindSchemas({ definitions }: { definitions: Record<string, Schema> }): Generator<[string, Schema]> {
  const strict = new Map(Object.entries(definitions).map(([name, schema]) => [name, makeStrict(name, schema)]));
  for (const schema of strict.values()) {
    const kinds = schema['x-kubernetes-group-version-kind'] as { group: string; version: string; kind: string }[];
    // Options of a request belong to every group at once and are no object of a cluster.
    if (kinds?.length !== 1 || kinds[0] === undefined) continue;
    const { group, version, kind } = kinds[0];
    const needed = new Map<string, Schema>();
    collect(schema, strict, needed);
    const suffix = [group.split('.')[0], version].filter(Boolean).join('-');
    yield [
      `${kind}-${suffix}`.toLowerCase(),
      { ...schema, $schema: 'http://json-schema.org/draft-07/schema#', definitions: Object.fromEntries(needed) },
    ];
  }
}

/** The server takes unknown fields and drops them, and a misspelt one is such a field: here it is an error. */
function makeStrict(name: string, schema: Schema): Schema {
  if (name.endsWith('.api.resource.Quantity')) return { type: ['string', 'number'] };
  if (name.endsWith('.util.intstr.IntOrString')) return { type: ['string', 'integer'] };
  // Names of formats in OpenAPI mean other things to a validator of JSON schemas, or nothing.
  const { format: _format, ...rest } = schema;
  const closed = rest['properties'] !== undefined && rest['additionalProperties'] === undefined;
  return closed ? { ...rest, additionalProperties: false } : rest;
}

function collect(schema: unknown, all: ReadonlyMap<string, Schema>, needed: Map<string, Schema>): void {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (key !== '$ref' || typeof value !== 'string') {
      collect(value, all, needed);
      continue;
    }
    const name = value.replace('#/definitions/', '');
    const target = all.get(name);
    if (target === undefined) throw new Error(`the OpenAPI description lacks ${name}`);
    if (needed.has(name)) continue;
    needed.set(name, target);
    collect(target, all, needed);
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
