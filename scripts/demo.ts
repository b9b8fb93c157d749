// `npm run demo`: builds, then shows the main job. Keys and data lie under .demo/ in the repository.
import { join } from 'node:path';
import { build } from './build.ts';
import { root, run } from './process.ts';

if (await build()) {
  const env = { XDG_CONFIG_HOME: join(root, '.demo', 'config') };
  process.exitCode = await run(
    process.execPath,
    [join('dist', 'cli', 'main.js'), 'demo', ...process.argv.slice(2)],
    env,
  );
} else {
  process.exitCode = 1;
}
