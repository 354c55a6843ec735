const isBlank = (code: number) => code === 0x20 || code === 0x09;

/**
 * The text of a header field without the spaces and tabs around it, and nothing else (RFC 9110, section 5.6.3; RFC 6265bis,
 * section 5.7). `trim()` would also take U+00A0, which is a byte like any other in a header: a browser keeps a cookie whose name
 * begins with it, from hosts that may not set the cookie of the name behind it.
 */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}
