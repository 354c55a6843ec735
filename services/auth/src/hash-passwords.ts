import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashPassword } from './password-hash.ts';

/**
 * `hash-passwords.ts FOLDER FILE`: makes a USERS_FILE of a folder that has a file for each user, named for the user and
 * holding the password, as a mounted Secret of generated demo users is. Not for real users: their passwords should
 * exist nowhere.
 */
const [folder, file] = process.argv.slice(2);
if (folder === undefined || file === undefined) {
  console.error('usage: hash-passwords.ts FOLDER FILE');
  process.exit(1);
}
// A Secret's volume has links to its versions beside the files.
const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
const users = await Promise.all(
  names.map(async (username) => ({
    id: username,
    username,
    passwordHash: await hashPassword((await readFile(join(folder, username), 'utf8')).trim()),
    roles: ['customer'],
  })),
);
await writeFile(file, JSON.stringify(users));
console.log(`${users.length} users`);
