import { describe, expect, test } from 'vitest';
import { abbreviateUserAgent, expandUserAgent } from './user-agent.ts';

const browsers = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0',
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
];

describe('a User-Agent in a record', () => {
  test.each(browsers)('is short for a browser of today, and comes back to the letter: %s', (text) => {
    const kept = abbreviateUserAgent(text);
    expect(kept.length).toBeLessThan(32);
    expect(expandUserAgent(kept)).toBe(text);
  });

  test.each([
    '',
    'curl/8.14.1',
    'line\nbreak',
    '\0',
    '\u0001',
    '\u0001Mozilla/5.0 (',
    'Mozilla/5.0 (Mozilla/5.0 (',
    'tab\tMozilla/5.0 (X11; Linux x86_64)',
    'Ünïcödé 🦊 Mozilla/5.0 (',
    '\ud800 half a pair',
    ...browsers.map((text) => text.slice(7)),
  ])('comes back to the letter whatever it is: %j', (text) => {
    expect(expandUserAgent(abbreviateUserAgent(text))).toBe(text);
  });
});
