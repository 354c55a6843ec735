/**
 * Text that nearly every browser's User-Agent has in it; each is kept as the one control character at its place here. The
 * places are what is in Redis: more may be added at the end, up to 31, and none be changed.
 */
const fragments = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64)',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:',
  'Mozilla/5.0 (X11; Linux x86_64)',
  'Mozilla/5.0 (X11; Linux x86_64; rv:',
  'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:',
  'Mozilla/5.0 (Linux; Android 10; K)',
  'Mozilla/5.0 (iPhone; CPU iPhone OS ',
  ' like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)',
  ' AppleWebKit/605.1.15 (KHTML, like Gecko) Version/',
  ' AppleWebKit/537.36 (KHTML, like Gecko) Chrome/',
  '.0.0.0 Safari/537.36',
  '.0.0.0 Mobile Safari/537.36',
  ' Safari/605.1.15',
  ' Mobile/15E148 Safari/604.1',
  ') Gecko/20100101 Firefox/',
  'Mozilla/5.0 (',
  ' AppleWebKit/',
  ' (KHTML, like Gecko) ',
] as const;

const codes = new Map<string, string>(fragments.map((text, index) => [text, String.fromCharCode(index + 1)]));
const toPattern = (text: string) => text.replace(/[.()]/g, '\\$&');
// The longest that fits at a place is the one that is meant.
const pattern = new RegExp(
  fragments
    .toSorted((a, b) => b.length - a.length)
    .map(toPattern)
    .join('|'),
  'g',
);
const VERBATIM = '\0';

/** A User-Agent as a record keeps it: of today's browsers' 70 to 130 characters some 10 are left. */
export function abbreviateUserAgent(text: string): string {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) < 32) return VERBATIM + text;
  return text.replace(pattern, (fragment) => codes.get(fragment) ?? fragment);
}

/** The text again, to the letter. */
export function expandUserAgent(kept: string): string {
  if (kept.startsWith(VERBATIM)) return kept.slice(1);
  let text = '';
  for (const character of kept) text += fragments[character.charCodeAt(0) - 1] ?? character;
  return text;
}
