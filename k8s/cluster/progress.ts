/** Runs one named step and shows how long it took, on stderr so that stdout stays for answers. */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  process.stderr.write(`  ${name} ... `);
  try {
    const result = await work();
    process.stderr.write(`${seconds(startedAt)}\n`);
    return result;
  } catch (error) {
    process.stderr.write(`failed after ${seconds(startedAt)}\n`);
    throw error;
  }
}

export function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
