import { expect, test } from 'vitest';
import { parseIpAddress, toClientNetwork } from './ip-address.ts';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['::ffff:c000:201', '192.0.2.1'],
  ['0:0:0:0:0:ffff:c000:0201', '192.0.2.1'],
  ['0000:0000:0000:0000:0000:ffff:192.0.2.1', '192.0.2.1'],
  ['::ffff:0:192.0.2.1', '192.0.2.1'],
  ['64:ff9b::192.0.2.1', '192.0.2.1'],
  ['64:ff9b::c000:201', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['2001:0DB8:0:0::0001', '2001:db8::1'],
  ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:DB8:0:0:0:0:0.0.0.1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::', '::'],
  ['::1', '::1'],
  ['unknown', undefined],
  ['', undefined],
  ['192.0.2.01', undefined],
  ['2001:db8::1::', undefined],
  ['2001:db8::g', undefined],
  ['example.com', undefined],
])('%j is the address %j', (text, address) => {
  expect(parseIpAddress(text)).toBe(address);
});

test.each([
  ['192.0.2.1', '192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1::/48', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0::/48', '2001:db8:0:0::/64'],
  ['::1', '0:0:0::/48', '0:0:0:0::/64'],
  ['1:2:3:4:5:6:7::', '1:2:3::/48', '1:2:3:4::/64'],
  ['unknown', 'unknown', 'unknown'],
])('%s is in the networks %s and %s', (address, wide, narrow) => {
  expect([toClientNetwork(address, 48), toClientNetwork(address, 64)]).toEqual([wide, narrow]);
});
