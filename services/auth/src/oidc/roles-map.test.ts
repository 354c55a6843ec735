import { describe, expect, test } from 'vitest';
import { rolesMap } from './roles-map.ts';

const parse = (text: string) => rolesMap().parse(text);

describe('roles are given', () => {
  test.each<[string, string, [string, string][]]>([
    ['by one value', 'admins=admin', [['admins', 'admin']]],
    [
      'by several, with blanks around',
      ' idp admins=admin , staff=clerk ',
      [
        ['idp admins', 'admin'],
        ['staff', 'clerk'],
      ],
    ],
    ['by a value with =: the last counts', 'cn=admins=admin', [['cn=admins', 'admin']]],
    ['by a value in braces', '{group}=admin', [['{group}', 'admin']]],
    [
      'by values in braces, of which the last has an =',
      '{a}=x,{b=c}=y',
      [
        ['{a}', 'x'],
        ['{b=c}', 'y'],
      ],
    ],
    [
      'by an object',
      '{"admins":"admin","staff":"clerk"}',
      [
        ['admins', 'admin'],
        ['staff', 'clerk'],
      ],
    ],
    ['by none', '{}', []],
    [
      'by names of a directory',
      '{ "cn=Admins,ou=Groups,dc=example,dc=org": "admin" }',
      [['cn=Admins,ou=Groups,dc=example,dc=org', 'admin']],
    ],
    [
      'by names with escapes, quotes, blanks and lines between',
      '\n{"cn=a\\\\,b\\"c\\", o=\\u0026 ": "r",\n"b":"s"}\n',
      [
        ['cn=a\\,b"c", o=& ', 'r'],
        ['b', 's'],
      ],
    ],
  ])('%s', (_, text, expected) => expect(parse(text)).toEqual(expected));
});

test.each([
  'admins',
  '=admin',
  'admins=',
  'admins=not a role',
  '{"a":"b"',
  '{"a":1}',
  '{"a":["b"]}',
  '{"":"a"}',
  '{"a":"not a role"}',
  '{a:b}',
  '["a"]',
  '',
])('a map that makes no sense is refused, with what to write instead, and is not repeated: %j', (text) => {
  const parsed = rolesMap().safeParse(text);
  expect(parsed.error?.issues.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^must be value=role, separated by commas, or a JSON object such as \{/),
  ]);
});
