import { createInterface } from 'node:readline/promises';
import { hashPassword } from './password-hash.ts';

/**
 * `npm run user:hash`: asks for a password, or reads one line of standard input, and prints its argon2id hash for
 * USERS_FILE. A password never goes on the command line, where other users of the machine see it.
 */
if (process.argv.length > 2) {
  console.error('Give the password on standard input, not as an argument: other processes can read arguments.');
  process.exit(1);
}
const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
if (process.stdin.isTTY) process.stderr.write('Password (shown as you type): ');
const { value: line } = await lines[Symbol.asyncIterator]().next();
// Some editors begin a file with a byte order mark, which is no part of the password.
const password = typeof line === 'string' ? line.replace(/^\uFEFF/, '') : undefined;
lines.close();
if (!password) {
  console.error('No password was given. Try: npm run -s user:hash < password.txt');
  process.exit(1);
}
console.log(await hashPassword(password));
