import { expect, test } from 'vitest';
import { describePlace } from './describe-place.ts';

test.each([
  ['127.0.0.1', 'this computer (127.0.0.1)'],
  ['::1', 'this computer (::1)'],
  ['10.1.2.3', 'a private network (10.1.2.3)'],
  ['172.31.255.255', 'a private network (172.31.255.255)'],
  ['172.32.0.1', 'the address 172.32.0.1'],
  ['192.168.0.7', 'a private network (192.168.0.7)'],
  ['fd12::1', 'a private network (fd12::1)'],
  ['169.254.1.1', 'the local network (169.254.1.1)'],
  ['100.64.0.1', 'a network behind a provider (100.64.0.1)'],
  ['203.0.113.9', 'the address 203.0.113.9'],
  ['2001:db8::1', 'the address 2001:db8::1'],
  ['unknown', 'an unknown address'],
])('%s is %s', (address, place) => expect(describePlace(address)).toBe(place));
