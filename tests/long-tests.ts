/** What takes minutes each and would double the time of a run: `npm test -- --project cluster-long` has them. */
export const longTests = [
  ...['variants', 'idle', 'reinstalled', 'credentials'].map((name) => `redis-sentinel/redis-${name}`),
  ...['kept', 'prod'].map((name) => `holdfast/holdfast-${name}`),
].map((name) => `tests/charts/${name}.cluster.test.ts`);
