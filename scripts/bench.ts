// `npm run bench -- NAME …`: runs bench/NAME.ts with the other arguments, on the built command.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from './build.ts';
import { root, run } from './process.ts';

const [name, ...args] = process.argv.slice(2);
const files = await readdir(join(root, 'bench'));
const names = files.filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -'.ts'.length));
if (name === undefined || !names.includes(name)) {
  process.stderr.write(`usage: npm run bench -- NAME [options], where NAME is one of: ${names.sort().join(', ')}\n`);
  process.exitCode = 2;
} else if (await build()) {
  process.exitCode = await run(process.execPath, [join('bench', `${name}.ts`), ...args]);
} else {
  process.exitCode = 1;
}
