// `secure/plain-typical` and `secure/plain-light`: what sealing costs a whole run. The same pipeline by
// (a) DuckDB alone on a plaintext CSV, writing plaintext Parquet, and (b) `glovebox run` on a sealed CSV,
// writing sealed Parquet; alternating, results compared. A ratio is time: lower is better.
import { spawnSync } from 'node:child_process';
import { cpSync, createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline as pipe } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { generateClaims } from '../src/cli/demo/claims.ts';
import { compareResults } from './run/compare.ts';
import { writeSecrets } from './run/secrets.ts';
import { type Measurement, measure, median } from './support/measure.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '8500000' },
    pairs: { type: 'string', default: '5' },
    memory: { type: 'string', default: '1GB' },
    threads: { type: 'string', default: '2' },
    folder: { type: 'string', default: tmpdir() },
    pipelines: { type: 'string', default: 'typical,light' },
  },
});
const rows = Number(values.rows);
const pairs = Number(values.pairs);

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const command = here('../dist/cli/main.js');
const folder = mkdtempSync(join(values.folder, 'glovebox-bench-'));
const workspace = join(folder, 'workspace');
const env = { ...process.env, XDG_CONFIG_HOME: join(folder, 'config') };

function glovebox(...args: string[]): void {
  const { status } = spawnSync(process.execPath, [command, '-C', workspace, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`glovebox ${args.join(' ')} ended with code ${status}`);
}

interface Pair {
  plain: Measurement;
  secure: Measurement;
}

async function measurePairs(name: string, csv: string, secrets: string): Promise<Pair[]> {
  const measured: Pair[] = [];
  for (let number = 0; number < pairs; number++) {
    const output = join(folder, 'plain', `${name}-${number}`);
    const plainArgs = [here('./run/plain.ts'), name, csv, output, values.memory, values.threads, secrets];
    const secureArgs = ['run', name, '--memory', values.memory, '--threads', values.threads];
    const plain = (): Promise<Measurement> => measure(process.execPath, plainArgs);
    const secure = (): Promise<Measurement> =>
      measure(process.execPath, [command, '-C', workspace, ...secureArgs, '--json'], { env });
    // The side that goes first changes from pair to pair.
    const first = number % 2 === 0 ? await plain() : await secure();
    const second = number % 2 === 0 ? await secure() : await plain();
    const pair = number % 2 === 0 ? { plain: first, secure: second } : { plain: second, secure: first };
    if (number === 0) await compareResults(name, output, workspace, env.XDG_CONFIG_HOME);
    rmSync(output, { recursive: true });
    glovebox('gc', '--grace', '0s');
    measured.push(pair);
    const ratio = pair.secure.seconds / pair.plain.seconds;
    console.log(
      `${name} ${number + 1}/${pairs}: plain ${pair.plain.seconds.toFixed(2)} s, secure ${pair.secure.seconds.toFixed(2)} s, ratio ${ratio.toFixed(3)}, peak ${pair.plain.peakMemoryMB.toFixed(0)} / ${pair.secure.peakMemoryMB.toFixed(0)} MB`,
    );
  }
  return measured;
}

try {
  const csv = join(folder, 'claims.csv');
  console.log(`generating ${rows} claims`);
  await pipe(generateClaims({ rows, seed: 1, malformed: 0 }), createWriteStream(csv));
  cpSync(here('./run/glovebox.yaml'), join(workspace, 'glovebox.yaml'), { recursive: true });
  cpSync(here('./run/pipelines'), join(workspace, 'pipelines'), { recursive: true });
  glovebox('init');
  glovebox('put', csv, 'claims-raw/claims.csv');
  const secrets = join(folder, 'secrets.json');
  writeFileSync(secrets, '', { mode: 0o600 });
  await writeSecrets(secrets, workspace, env.XDG_CONFIG_HOME);

  const ratios: Record<string, number> = {};
  const spread: Record<string, [number, number]> = {};
  const peakMemoryMB: Record<string, number> = {};
  const seconds: Record<string, { plain: number; secure: number }> = {};
  for (const name of values.pipelines.split(',')) {
    const measured = await measurePairs(name, csv, secrets);
    const each = measured.map(({ plain, secure }) => secure.seconds / plain.seconds);
    const key = `secure/plain-${name}`;
    ratios[key] = Number(median(each).toFixed(3));
    spread[key] = [Number(Math.min(...each).toFixed(3)), Number(Math.max(...each).toFixed(3))];
    peakMemoryMB[`${name}-plain`] = Math.round(Math.max(...measured.map(({ plain }) => plain.peakMemoryMB)));
    peakMemoryMB[`${name}-secure`] = Math.round(Math.max(...measured.map(({ secure }) => secure.peakMemoryMB)));
    seconds[name] = {
      plain: Number(median(measured.map(({ plain }) => plain.seconds)).toFixed(2)),
      secure: Number(median(measured.map(({ secure }) => secure.seconds)).toFixed(2)),
    };
  }
  console.log('\nratio (time, lower is better)   median   lowest   highest');
  for (const [key, value] of Object.entries(ratios)) {
    const [low, high] = spread[key] ?? [0, 0];
    console.log(`${key.padEnd(30)}  ${value.toFixed(3)}    ${low.toFixed(3)}    ${high.toFixed(3)}`);
  }
  const bytes = statSync(csv).size;
  console.log(
    JSON.stringify({
      bench: 'run',
      ratios,
      spread,
      peakMemoryMB,
      seconds,
      node: process.versions.node,
      rows,
      bytes,
      pairs,
    }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
