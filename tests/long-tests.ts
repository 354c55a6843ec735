/** What takes minutes each and would double the time of a run: `npm test -- --project cluster-long` has them. */
export const longTests = ['variants', 'idle', 'reinstalled', 'credentials'].map(
  (name) => `tests/charts/redis-sentinel/redis-${name}.cluster.test.ts`,
);
