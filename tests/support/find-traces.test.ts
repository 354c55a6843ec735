import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { bytesNeedle, findTraces, textNeedle } from './find-traces.ts';

const secret = randomBytes(32);
const noise = () => randomBytes(1000);
const around = (part: string | Buffer) => Buffer.concat([noise(), Buffer.from(part), noise()]);
const needles = [bytesNeedle('secret', secret), textNeedle('password', 'hunter2')];

test.each<[name: string, haystack: Buffer, found: string[]]>([
  ['nothing', noise(), []],
  ['the bytes', around(secret), ['secret']],
  ['hexadecimal', around(secret.toString('hex')), ['secret']],
  ['base64', around(secret.toString('base64')), ['secret']],
  ['base64url', around(`hf1_${secret.toString('base64url')}`), ['secret']],
  ['a part', around(secret.subarray(9, 25)), ['secret']],
  ['too little to tell', around(secret.subarray(9, 20)), []],
  ['a password', around('{"password":"hunter2"}'), ['password']],
])('finds in %s what is there', (_, haystack, found) => {
  expect(findTraces(haystack, needles)).toEqual(found);
});

test('finds what a control byte interrupts', () => {
  const text = secret.toString('base64url');
  expect(findTraces(around(`${text.slice(0, 32)}\x0a${text.slice(32)}`), needles)).toEqual(['secret']);
  expect(findTraces(around(`${text.slice(0, 20)}\x1f${text.slice(20)}`), needles)).toEqual(['secret']);
});
