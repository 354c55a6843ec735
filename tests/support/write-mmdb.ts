import { writeFile } from 'node:fs/promises';

type Value = string | number | readonly Value[] | { readonly [name: string]: Value };

/**
 * A database of IPv4 networks in MaxMind's format.
 *
 * @param entries data by network of 24 bits, such as `203.0.113`
 * @see https://maxmind.github.io/MaxMind-DB/
 */
export async function writeMmdb(path: string, entries: Readonly<Record<string, Value>>): Promise<void> {
  const nodes: [number | undefined, number | undefined][] = [[undefined, undefined]];
  const leaves: { node: number; bit: 0 | 1; offset: number }[] = [];
  let data = Buffer.alloc(0);
  for (const [network, value] of Object.entries(entries)) {
    const bits = network.split('.').flatMap((part) => [...Number(part).toString(2).padStart(8, '0')].map(Number));
    let node = 0;
    for (const [index, each] of bits.entries()) {
      const bit = each as 0 | 1;
      if (index === bits.length - 1) leaves.push({ node, bit, offset: data.length });
      else {
        const row = nodes[node] as [number | undefined, number | undefined];
        row[bit] ??= nodes.push([undefined, undefined]) - 1;
        node = row[bit];
      }
    }
    data = Buffer.concat([data, encode(value)]);
  }
  for (const { node, bit, offset } of leaves) (nodes[node] ?? [])[bit] = nodes.length + 16 + offset;
  const tree = Buffer.alloc(nodes.length * 6);
  for (const [index, row] of nodes.entries()) {
    for (const bit of [0, 1] as const) tree.writeUIntBE(row[bit] ?? nodes.length, index * 6 + bit * 3, 3);
  }
  const metadata = {
    ...{ node_count: nodes.length, record_size: 24, ip_version: 4, database_type: 'Test-City', languages: ['en'] },
    ...{ binary_format_major_version: 2, binary_format_minor_version: 0, build_epoch: 0, description: { en: 'test' } },
  };
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
  await writeFile(path, Buffer.concat([tree, Buffer.alloc(16), data, marker, encode(metadata)]));
}

function encode(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(value);
    return Buffer.concat([control(6, 4), number]);
  }
  if (Array.isArray(value)) {
    return Buffer.concat([Buffer.from([value.length, 11 - 7]), ...value.map((each: Value) => encode(each))]);
  }
  const members = Object.entries(value as { [name: string]: Value });
  return Buffer.concat([
    control(7, members.length),
    ...members.flatMap(([name, each]) => [encode(name), encode(each)]),
  ]);
}

/** @param size at most 28, or as a text at most 284 */
function control(type: number, size: number): Buffer {
  return size < 29 ? Buffer.from([(type << 5) | size]) : Buffer.from([(type << 5) | 29, size - 29]);
}
