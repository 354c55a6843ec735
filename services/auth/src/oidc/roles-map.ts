import { listOf } from '@holdfast/runtime';
import { z } from 'zod';

export const role = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be roles of A-Z a-z 0-9 . _ : -');

type Mapping = [value: string, role: string];

const FORM =
  'must be value=role, separated by commas, or a JSON object such as {"cn=admins,dc=example":"admin"} where values have commas';

const listed = z.string().transform((text, context): Mapping => {
  const at = text.lastIndexOf('=');
  const mapped = role.safeParse(text.slice(at + 1));
  if (at > 0 && mapped.success) return [text.slice(0, at), mapped.data];
  context.addIssue({ code: 'custom', message: FORM });
  return z.NEVER;
});

const asList = listOf(listed);
const asObject = z.record(z.string().min(1), role);

/**
 * Which value of a claim gives which role: `value=role` separated by commas, where the last `=` counts, or a JSON object.
 * Names of directories (RFC 4514, `cn=admins,ou=groups,dc=example`) have commas, so only the object can hold them. No list ends
 * with a brace, since no role does, so the two can't be taken for each other.
 */
export const rolesMap = () =>
  z.string().transform((text, context): Mapping[] => {
    const object = /^\s*\{.*\}\s*$/s.test(text);
    const parsed = object ? asObject.safeParse(parseJson(text)) : asList.safeParse(text);
    if (parsed.success) return Array.isArray(parsed.data) ? parsed.data : Object.entries(parsed.data);
    context.addIssue({
      code: 'custom',
      message: object ? `${FORM}; this is no JSON object of values and roles` : FORM,
    });
    return z.NEVER;
  });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
