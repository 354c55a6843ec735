import type { z } from 'zod';
import { authEnvironment } from '../../services/auth/src/auth-environment.ts';
import { ordersEnvironment } from '../../services/orders/src/orders-environment.ts';

type Shape = Readonly<Record<string, z.ZodType>>;

/** The README's table of environment variables, from the schemas that parse them. */
export function createConfigurationTable(): string {
  const shapes: [string, Shape][] = [
    ['auth', authEnvironment],
    ['orders', ordersEnvironment],
  ];
  const names = new Set(shapes.flatMap(([, shape]) => Object.keys(shape)));
  const rows = [...names].map((name) => {
    const services = shapes.filter(([, shape]) => name in shape);
    const schema = services[0]?.[1][name] as z.ZodType;
    const of = services.length === shapes.length ? 'both' : services[0]?.[0];
    return `| \`${name}\` | ${of} | ${defaultOf(schema)} | ${schema.description ?? ''} |`;
  });
  return ['| variable | of | default | what it is |', '|---|---|---|---|', ...rows].join('\n');
}

function defaultOf(schema: z.ZodType): string {
  const absent = schema.safeParse(undefined);
  if (!absent.success) return 'required';
  const value: unknown = absent.data;
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '';
  if (typeof value === 'object' && !Array.isArray(value)) return '';
  // The host's name differs from machine to machine.
  return schema.description === 'The name of this instance' ? 'host name' : `\`${String(value)}\``;
}
