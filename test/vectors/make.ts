// Writes the vectors under test/vectors/messages. Run by hand: `node test/vectors/make.ts`. Everything but the
// originals comes out the same each time; with `--originals` those are made anew too, by three writers, and
// GLOVEBOX_PYTHON must name a Python that has the official client.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../scripts/process.ts';
import { VECTORS, type VectorClass } from '../support/vectors.ts';
import type { Draft } from './making/vector.ts';

const MESSAGES = join(VECTORS, 'messages');

function write(file: string, content: VectorClass): void {
  mkdirSync(MESSAGES, { recursive: true });
  writeFileSync(join(MESSAGES, `${file}.json`), `${JSON.stringify(content, null, 2)}\n`);
  process.stdout.write(`${file}: ${content.vectors.length}\n`);
}

if (process.argv.includes('--originals')) {
  const { makeOriginals } = await import('./making/originals.ts');
  const [ours, javascript, python] = await makeOriginals();
  if (!ours || !javascript || !python) throw new Error('a writer is missing');
  write('opens-glovebox', ours);
  write('opens-javascript', javascript);
  write('opens-python', python);
}

// Imported only now: they read the originals.
const { finish } = await import('./making/vector.ts');
const { makeTrailing, makeTruncated } = await import('./making/truncated.ts');
const { makeFrames } = await import('./making/frames.ts');
const { makeHeader } = await import('./making/header.ts');
const { makeContext } = await import('./making/context.ts');
const { makeWrappedKeys } = await import('./making/wrapped-keys.ts');
const { makeSignature } = await import('./making/signature.ts');
const { makeOlder } = await import('./making/older.ts');

const classes: [string, string, Draft[]][] = [
  ['truncated', 'bytes are missing', makeTruncated()],
  ['trailing', 'bytes follow the end', makeTrailing()],
  ['frames', 'frames are altered, moved, or made as no writer makes them', makeFrames()],
  ['header', 'the header is altered, or made as no writer makes it', makeHeader()],
  ['context', 'the encryption context is another one, or malformed', makeContext()],
  ['wrapped-keys', 'the wrapped data keys are malformed, altered or of another key', makeWrappedKeys()],
  ['signature', 'the signature is missing, malformed or of something else', makeSignature()],
  ['older', 'version 1 and unframed messages', makeOlder()],
];
for (const [file, name, drafts] of classes) write(file, { class: name, vectors: drafts.map(finish) });
process.exitCode = await run('biome', ['format', '--write', MESSAGES]);
