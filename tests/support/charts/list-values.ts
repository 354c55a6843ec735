import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMap, isScalar, parseDocument } from 'yaml';

export interface ChartValue {
  /** Where it is, `['redis', 'replicas']`. */
  path: string[];
  /** Whether it holds further values of the chart's own. */
  isGroup: boolean;
  default: unknown;
  /** Whether a comment `# --` says what it is for. */
  isDocumented: boolean;
}

/** Every value of a chart's values.yaml. A map without entries is a value, not a group: what goes in is the user's. */
export async function listValues(chart: string): Promise<ChartValue[]> {
  const document = parseDocument(await readFile(join(chart, 'values.yaml'), 'utf8'));
  const found: ChartValue[] = [];
  const walk = (node: unknown, path: string[]) => {
    if (!isMap(node)) return;
    node.items.forEach(({ key, value }, index) => {
      if (!isScalar(key)) return;
      const at = [...path, String(key.value)];
      // The comment before a map's first entry belongs to the map.
      const comment = `${key.commentBefore ?? ''}${index === 0 ? (node.commentBefore ?? '') : ''}`;
      const isGroup = isMap(value) && value.items.length > 0;
      const fallback = value === null ? null : (value as { toJSON(): unknown }).toJSON();
      found.push({ path: at, isGroup, default: fallback, isDocumented: /^ ?--/m.test(comment) });
      walk(value, at);
    });
  };
  walk(document.contents, []);
  return found;
}

/** An object with that value at that path. */
export function valueAt(path: readonly string[], value: unknown): Record<string, unknown> {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Record<string, unknown>;
}
