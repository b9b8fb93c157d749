// `npm run lint`: everything about the source that a program can judge. `--fix` mends what it can.
import { checkHouse } from './house.ts';
import { findBrokenLinks } from './links.ts';
import { root, run } from './process.ts';

const fix = process.argv.includes('--fix');

const checks: Record<string, () => Promise<boolean>> = {
  'the import table': async () => {
    const good = await checkHouse(root, fix);
    if (!good) process.stderr.write('biome.json is not what scripts/house.ts gives: npm run lint -- --fix\n');
    return good;
  },
  'format, doors and style': async () => {
    const write = fix ? ['--write'] : [];
    return (await run('biome', ['check', ...write, '--error-on-warnings', '--max-diagnostics=50', '.'])) === 0;
  },
  types: async () => (await run('tsc', ['-p', '.'])) === 0,
  promises: async () => (await run('oxlint', ['--type-aware', 'src', 'test', 'bench', 'scripts'])) === 0,
  'links in the documents': async () => {
    const broken = await findBrokenLinks(root);
    for (const line of broken) process.stderr.write(`${line}\n`);
    return broken.length === 0;
  },
};

const failed: string[] = [];
for (const [name, check] of Object.entries(checks)) {
  if (!(await check())) failed.push(name);
}
process.stderr.write(failed.length === 0 ? 'lint: clean\n' : `lint: failed: ${failed.join('; ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
