/** What takes minutes each and would double the time of a run: `npm test -- --project cluster-long` has them. */
export const longTests = [
  ...['variants', 'idle', 'reinstalled', 'credentials', 'survives'].map(
    (name) => `charts/redis-sentinel/redis-${name}.cluster`,
  ),
  ...['rollouts', 'kept', 'prod', 'ingress', 'cert-manager'].map((name) => `charts/holdfast/holdfast-${name}.cluster`),
  'contract/login-timing',
  ...['broken-promises', 'twenty-failovers'].map((name) => `failover/cluster/${name}`),
].map((name) => `tests/${name}.test.ts`);
