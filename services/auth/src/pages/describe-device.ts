import bowser from 'bowser';

export interface DeviceInWords {
  /** Such as `Firefox on Windows`. */
  name: string;
  kind: 'computer' | 'phone' | 'program';
}

/** The browser and the system a `User-Agent` claims to be. It is the client's own claim, good to recognize one's devices by. */
export function describeDevice(userAgent: string): DeviceInWords {
  if (userAgent === '') return { name: 'Unknown browser', kind: 'program' };
  const { browser, os, platform } = bowser.parse(userAgent);
  if (!browser.name) {
    // Programs name themselves first, as `curl/8.5.0` (RFC 9110, section 10.1.5).
    const [product] = /^[A-Za-z][A-Za-z0-9._-]{0,31}/.exec(userAgent) ?? [];
    return { name: product === undefined ? 'Unknown program' : `Program “${product}”`, kind: 'program' };
  }
  const system = platform.model === 'iPhone' || platform.model === 'iPad' ? platform.model : os.name;
  const handheld = platform.type === 'mobile' || platform.type === 'tablet';
  return { name: system ? `${browser.name} on ${system}` : browser.name, kind: handheld ? 'phone' : 'computer' };
}
