import { describe, expect, test } from 'vitest';
import { requireSameOrigin } from './require-same-origin.ts';

const trusted = ['https://shop.example'];
const check = (method: string, headers: Record<string, string>) => () =>
  requireSameOrigin(method, (name) => headers[name], trusted);

describe('requireSameOrigin', () => {
  test.each(['GET', 'HEAD', 'OPTIONS'])('lets %s through from anywhere', (method) => {
    expect(check(method, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })).not.toThrow();
  });

  test.each([
    ['this site says the browser', { 'sec-fetch-site': 'same-origin' }],
    ['the user, not a page', { 'sec-fetch-site': 'none' }],
    ['an origin that is configured', { origin: 'https://shop.example' }],
  ])('lets an unsafe request through from %s', (_, headers) => {
    expect(check('POST', headers)).not.toThrow();
  });

  test.each([
    ['nowhere', {}],
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling host', { 'sec-fetch-site': 'same-site' }],
    ['another site that claims our origin', { 'sec-fetch-site': 'cross-site', origin: 'https://shop.example' }],
    ['an origin that is not configured', { origin: 'https://evil.example' }],
    ['an origin that only begins like ours', { origin: 'https://shop.example.evil.example' }],
    ['the null origin', { origin: 'null' }],
  ])('refuses an unsafe request from %s', (_, headers) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'FROBNICATE']) {
      expect(check(method, headers)).toThrow(expect.objectContaining({ code: 'csrf-rejected', status: 403 }));
    }
  });
});
