import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createDevice, DEVICE_COOKIE, readDevice } from './device-cookie.ts';

const keys = [randomBytes(32)];
const value = createDevice(keys, 'id-alice');
const read = (header: string) => readDevice(keys, undefined, header, 'id-alice');

test('is found under its own name only: no byte around the name or the value is a blank but space and tab', () => {
  for (const blank of ['', ' ', '\t', ' \t ']) {
    expect(read(`a=b;${blank}${DEVICE_COOKIE}${blank}=${blank}${value}${blank}; c=d`)).toBe(value.split('.')[0]);
  }
  for (const byte of ['\v', '\f', ...Array.from({ length: 128 }, (_, index) => String.fromCharCode(0x80 + index))]) {
    for (const header of [
      `${byte}${DEVICE_COOKIE}=${value}`,
      `${DEVICE_COOKIE}${byte}=${value}`,
      `${DEVICE_COOKIE}=${byte}${value}`,
      `${DEVICE_COOKIE}=${value}${byte}`,
    ]) {
      expect(read(header), JSON.stringify(header)).toBeUndefined();
    }
  }
});
