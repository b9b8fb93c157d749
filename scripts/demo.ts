// `npm run demo`: builds, then shows the main job. Keys and data lie under .demo/ in the repository.
import { join } from 'node:path';
import { build } from './build.ts';
import { run } from './process.ts';

if (await build()) {
  process.exitCode = await run(process.execPath, [
    join('dist', 'cli', 'main.js'),
    'demo',
    '.demo',
    ...process.argv.slice(2),
  ]);
} else {
  process.exitCode = 1;
}
