/**
 * What each application user of Redis may do, as Redis ACL rules: the one source for the local platform, the tests and
 * the chart (a test holds the chart's copy against it). A command that a function runs is checked against the user who
 * called the function, so the lists name exactly the commands of `functions/holdfast.lua` and of a connection.
 */
const connection = ['+hello', '+auth', '+ping', '+info', '+role', '+client|setname'];

export const redisUserRules = {
  /** Owns the session records: every function, and loading them. */
  auth: [
    ['resetchannels', '-@all', '~hf:s:*', '~hf:t:*', '~hf:o:*', '~hf:rl:*'],
    connection,
    ['+fcall', '+fcall_ro', '+function|load', '+function|list', '+wait', '+time'],
    ['+hget', '+hgetall', '+hscan', '+hlen', '+hset', '+hdel', '+set', '+pexpireat', '+pexpiretime'],
    ['+zadd', '+zrem', '+zrange', '+zscore', '+zremrangebyscore'],
    ['+dbsize', '+scan', '+randomkey'],
  ].flat(),
  /** Only reads session records, one by one so that it must know their ids, and writes when one was last seen. */
  validator: [
    ['resetchannels', '-@all', '%R~hf:s:*', '%RW~hf:t:*', '&__redis__:invalidate'],
    connection,
    ['+fcall', '+fcall_ro', '+time', '+hget', '+hset'],
    // For its local cache: to be told which records change.
    ['+client|id', '+client|tracking', '+subscribe'],
  ].flat(),
} as const;
