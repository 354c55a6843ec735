import fc from 'fast-check';

export interface OpenApiSchema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  format?: string;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, OpenApiSchema>;
  items?: OpenApiSchema;
  anyOf?: OpenApiSchema[];
  $ref?: string;
}

export interface OpenApiOperation {
  operationId?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  parameters?: { name: string; in: string; schema: OpenApiSchema }[];
  requestBody?: { content: Record<string, { schema: OpenApiSchema }> };
  responses: Record<string, object>;
}

export interface OpenApiDocument {
  servers: object[];
  tags: { name: string }[];
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: { schemas: Record<string, OpenApiSchema> };
}

export interface Operation extends OpenApiOperation {
  path: string;
  method: string;
}

export interface GeneratedRequest {
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

export function operationsOf(document: OpenApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, path, method: method.toUpperCase() })),
  );
}

/** Digits, a dot and a UUID, as a cursor of orders is inside; numbers of every length. */
const position = fc
  .tuple(
    fc.oneof(
      fc.maxSafeNat(),
      fc.nat(15).map((digits) => 10 ** digits),
      fc.constant(8.64e15),
    ),
    fc.uuid(),
  )
  .map(([number, id]) => Buffer.from(`${number}.${id}`).toString('base64url'));

/** What breaks parsers, databases and whoever takes text for something else. */
const oddText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  position,
  fc.uuid(),
  fc.constantFrom(
    ...[
      '',
      ' ',
      '\0',
      'a\0b',
      '\ud800',
      '%',
      '%00',
      '%zz',
      '../..',
      '//x',
      '-1',
      '1e3',
      '0x10',
      'NaN',
      '1'.repeat(400),
    ],
    ...['9999999999999999999', '__proto__', 'constructor', "' or 1=1", '{{x}}', '\r\nx: y', 'é'.repeat(300)],
    ...['+010000-01-01T00:00:00.000Z', '-000001-01-01T00:00:00.000Z', 'infinity', `hf1_${'A'.repeat(22)}.x`],
    ...[`hf1_${'A'.repeat(65)}`, 'eyJhbGciOiJub25lIn0.e30.', 'x'.repeat(5000)],
  ),
);
const oddHeader = fc
  .oneof(oddText, fc.string({ maxLength: 40 }))
  .map((text) => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '').trim());

/** Headers that code of ours, or code it stands on, reads. */
const commonHeaders = {
  'x-request-id': oddHeader,
  'x-forwarded-for': oddHeader,
  'user-agent': oddHeader,
  'sec-fetch-site': fc.oneof(fc.constantFrom('same-origin', 'none', 'cross-site'), oddHeader),
  origin: oddHeader,
  traceparent: fc.oneof(oddHeader, fc.constant(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`)),
  tracestate: oddHeader,
  baggage: oddHeader,
  accept: oddHeader,
  'accept-language': oddHeader,
  'if-none-match': oddHeader,
  range: oddHeader,
};

/** Requests of an operation: as it describes them, nearly so, and not at all. */
export function generateRequest(document: OpenApiDocument, operation: Operation): fc.Arbitrary<GeneratedRequest> {
  const parameters = (place: string) => (operation.parameters ?? []).filter((parameter) => parameter.in === place);
  const values = (place: string, odd: fc.Arbitrary<string>) =>
    fc.record(
      Object.fromEntries(
        parameters(place).map(({ name, schema }) => [name, fc.oneof(generateValue(document, schema).map(toText), odd)]),
      ),
      place === 'path' ? {} : { requiredKeys: [] },
    );
  return fc
    .record({
      path: values('path', oddText),
      query: values('query', oddText),
      extraQuery: fc.option(fc.tuple(oddText, oddText), { freq: 8 }),
      headers: values('header', oddHeader),
      common: fc.record(commonHeaders, { requiredKeys: [] }),
      body: generateBody(document, operation),
    })
    .map(({ path, query, extraQuery, headers, common, body }) => {
      const extra: Record<string, string> = extraQuery ? { [extraQuery[0]]: extraQuery[1] } : {};
      const search = new URLSearchParams({ ...(query as Record<string, string>), ...extra });
      const target = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
        const text = path[name] ?? '';
        return encodeURIComponent(text.toWellFormed()).replaceAll('.', '%2E') || '%20';
      });
      const all = { ...common, ...headers, ...(body ? { 'content-type': body.type } : {}) };
      const sent = Object.entries(all).map(([name, text]) => [name, text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '')]);
      return { path: `${target}?${search}`, headers: Object.fromEntries(sent), body: body?.text };
    });
}

function generateBody(document: OpenApiDocument, { requestBody }: Operation) {
  if (!requestBody) return fc.constant(undefined);
  const [type = '', content] = Object.entries(requestBody.content)[0] ?? [];
  const value = fc.oneof(
    { weight: 4, arbitrary: generateValue(document, content?.schema ?? {}) },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
  const text = value.map((body) =>
    type.includes('json')
      ? JSON.stringify(body)
      : new URLSearchParams(
          Object.entries(Object(body)).map(([name, field]): [string, string] => [name, toText(field)]),
        ).toString(),
  );
  const types = fc.oneof(
    { weight: 8, arbitrary: fc.constant(type) },
    { weight: 1, arbitrary: oddHeader },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'application/json',
        'multipart/form-data; boundary=x',
        'application/json; charset=utf-16',
        '',
      ),
    },
  );
  const bodies = fc.oneof(
    { weight: 8, arbitrary: text },
    { weight: 1, arbitrary: oddText },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '{', '[]', 'null', '{"a":1}{', '--x\r\n\r\n--x--', '[[[['.repeat(5000)),
    },
  );
  return fc.record({ type: types, text: bodies });
}

function generateValue(document: OpenApiDocument, schema: OpenApiSchema): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    return generateValue(document, document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {});
  }
  const right = generateRightValue(document, schema);
  return fc.oneof(
    { weight: 6, arbitrary: right },
    { weight: 1, arbitrary: oddText },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
}

function generateRightValue(document: OpenApiDocument, schema: OpenApiSchema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf?.[0]) return fc.oneof(...schema.anyOf.map((each) => generateValue(document, each)));
  switch (schema.type) {
    case 'object': {
      const properties = Object.entries(schema.properties ?? {});
      return fc.record(Object.fromEntries(properties.map(([name, each]) => [name, generateValue(document, each)])), {
        requiredKeys: properties.map(([name]) => name),
      });
    }
    case 'array':
      return fc.array(generateValue(document, schema.items ?? {}), { maxLength: 3 });
    case 'integer':
    case 'number':
      return fc.oneof(fc.integer({ min: (schema.minimum ?? -9) - 1, max: (schema.maximum ?? 9) + 1 }), fc.double());
    case 'boolean':
      return fc.boolean();
    case 'string':
      if (schema.format === 'uuid') return fc.uuid();
      return fc.oneof(fc.string({ minLength: 1, maxLength: 20 }), fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/));
    default:
      return fc.jsonValue();
  }
}

const toText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
