import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { ConfigError, type ConfigMistake } from './config-error.ts';
import { createExample } from './create-example.ts';
import { issueMessage } from './issue-message.ts';

export type ConfigShape = Readonly<Record<string, z.ZodType>>;
export type Config<S extends ConfigShape> = { [K in keyof S]: z.output<S[K]> };
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ParseConfigOptions<S extends ConfigShape> {
  /** Secrets of which exactly one of `NAME` and `NAME_FILE` must be set. Both must be in the shape. */
  requiredSecrets?: readonly (keyof S & string)[];
  /** What contradicts itself: a text for each mistake. Sees only the variables that are right by themselves. */
  checks?: readonly ((config: Partial<Config<S>>) => readonly string[])[];
}

/**
 * Parses environment variables by a zod shape and finds all mistakes at once: a start that stops at the first one
 * costs a deployment for each. An empty variable counts as not set. Where the shape has both `NAME` and `NAME_FILE`,
 * at most one of them may be set, and what the file holds is checked as if it were `NAME`.
 *
 * No message repeats a value, whichever variable it is of: a password may be in the wrong variable, or be what made a URL
 * malformed. So a schema's messages say which part is wrong, and never what it was.
 *
 * @throws ConfigError that lists every variable, what is wrong with it and an example of a right value
 */
export function parseConfig<S extends ConfigShape>(
  shape: S,
  env: Environment,
  options: ParseConfigOptions<S> = {},
): Config<S> {
  const mistakes: ConfigMistake[] = [];
  const config: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(shape)) {
    const text = env[name] === '' ? undefined : env[name];
    const result = schema.safeParse(text);
    if (result.success) config[name] = result.data;
    else {
      const problem = text === undefined ? 'is missing.' : `is wrong: ${describe(result.error)}.`;
      mistakes.push({ variable: name, problem, example: createExample(name, schema) });
    }
  }
  for (const name of Object.keys(shape)) {
    const mistake = checkSecret(name, shape, config, options.requiredSecrets?.includes(name) ?? false);
    if (mistake) mistakes.push(mistake);
  }
  // To a check one that is wrong by itself looks as if it were not set: what is said of it then is not true.
  const wrong = mistakes.map(({ variable }) => new RegExp(`\\b${variable}\\b`));
  for (const check of options.checks ?? []) {
    for (const problem of check(config as Partial<Config<S>>)) {
      if (!wrong.some((name) => name.test(problem))) mistakes.push({ variable: '', problem });
    }
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return config as Config<S>;
}

/** The rules of a pair `NAME`, `NAME_FILE`. */
function checkSecret(
  name: string,
  shape: ConfigShape,
  config: Record<string, unknown>,
  required: boolean,
): ConfigMistake | undefined {
  const fileName = `${name}_FILE`;
  const schema = shape[name];
  if (!schema || !(fileName in shape)) return undefined;
  // One that is malformed has been reported already, and must not be reported as missing too.
  if (!(name in config) || !(fileName in config)) return undefined;
  const path = config[fileName];
  if (config[name] !== undefined && path !== undefined) {
    return { variable: `${name} and ${fileName}`, problem: 'are both set: set one of them.' };
  }
  if (typeof path === 'string') {
    const problem = checkFile(path, schema);
    return problem === undefined ? undefined : { variable: fileName, problem };
  }
  if (!required || config[name] !== undefined) return undefined;
  return { variable: `${name} or ${fileName}`, problem: 'is missing.', example: createExample(name, schema) };
}

function checkFile(path: string, schema: z.ZodType): string | undefined {
  try {
    const result = schema.safeParse(readFileSync(path, 'utf8').trim() || undefined);
    if (result.success && result.data !== undefined) return undefined;
    return `names a file whose content is wrong: ${result.error ? describe(result.error) : 'it is empty'}.`;
  } catch (cause) {
    return `names a file that can't be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}).`;
  }
}

/** An item of a list is named by its number. */
function describe(error: z.ZodError): string {
  const describeOne = (issue: z.core.$ZodIssue) => {
    const [index] = issue.path;
    return `${issueMessage(issue)}${typeof index === 'number' ? ` (item ${index + 1})` : ''}`;
  };
  return [...new Set(error.issues.map(describeOne))].join('; ');
}
