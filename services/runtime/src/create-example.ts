import { z } from 'zod';

/**
 * A right value for a variable, as `NAME=value`: the example in the schema's metadata, else its default, else the first
 * of its choices, else what its description says.
 */
export function createExample(name: string, schema: z.ZodType): string | undefined {
  let description: string | undefined;
  for (let current: z.ZodType | undefined = schema; current; current = unwrap(current)) {
    const meta = z.globalRegistry.get(current);
    const [example] = Array.isArray(meta?.['examples']) ? meta['examples'] : [];
    if (example !== undefined) return `${name}=${String(example)}`;
    if (current instanceof z.ZodDefault) return `${name}=${String(current.def.defaultValue)}`;
    if (current instanceof z.ZodEnum) return `${name}=${String(current.options[0])}`;
    description ??= meta?.description;
  }
  return description === undefined ? undefined : `${name}=… (${description})`;
}

function unwrap(schema: z.ZodType): z.ZodType | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return schema.unwrap() as z.ZodType;
  if (schema instanceof z.ZodPipe) return schema.in as z.ZodType;
  return undefined;
}
