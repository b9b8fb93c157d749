// Seals or opens once, in the way that its first argument names, and says on standard error how much memory the
// process had at its worst: `{"peak": bytes}`. Arguments: way, size of the plaintext in bytes, folder. It uses the
// built package, as its users do: stripping the types of the sources would take 19 MB in every thread.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from '@aws-crypto/raw-aes-keyring-node';
import type { SealedSource } from '../../src/seal/index.ts';

const DOOR = new URL('../../dist/seal/index.js', import.meta.url).href;
const seal: typeof import('../../src/seal/index.ts') = await import(DOOR);

const [way = '', sizeText = '', folder = ''] = process.argv.slice(2);
const size = Number(sizeText);
const keyring = new RawAesKeyringNode({
  keyNamespace: 'glovebox',
  keyName: 'memory/1',
  unencryptedMasterKey: new Uint8Array(32).fill(7),
  wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  utf8Sorting: true,
});
const options = { keyring, context: {} };
const FIFO = join(folder, 'fifo');
/** As much as a read of a pipe gives at most. */
const PIECE = 64 * 1024;

async function withFile<Result>(
  name: string,
  flags: string,
  use: (descriptor: number, file: FileHandle) => Promise<Result>,
): Promise<Result> {
  const file = await open(join(folder, name), flags);
  try {
    return await use(file.fd, file);
  } finally {
    await file.close();
  }
}

function withSealed<Result>(use: (source: SealedSource) => Promise<Result>): Promise<Result> {
  return withFile('sealed', 'r', async (descriptor, file) => {
    const read = async (buffer: Uint8Array, offset: number) =>
      (await file.read(buffer, 0, buffer.byteLength, offset)).bytesRead;
    return use({ size: (await file.stat()).size, descriptor, read });
  });
}

/** Passes `chunks` on. Whoever asks for the next one is done with the last one, whose memory is given back at once. */
async function* releasing(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk;
    seal.wipeAll([chunk]);
  }
}

async function shell(command: string, ...args: string[]): Promise<void> {
  const [code] = await once(spawn('sh', ['-c', command, 'sh', ...args], { stdio: 'ignore' }), 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
}

async function* zeros(): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0; left -= PIECE) yield Buffer.alloc(Math.min(PIECE, left));
}

async function count(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunks) bytes += chunk.byteLength;
  return bytes;
}

/** To standard output, at the pace of who reads it. */
async function print(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of releasing(chunks)) {
    bytes += chunk.byteLength;
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }
  return bytes;
}

const stdin = (): AsyncIterable<Uint8Array> => releasing(process.stdin);

/** Each gives the bytes of plaintext that it took or gave. */
const WAYS: Record<string, () => Promise<number>> = {
  async nothing() {
    const { chunks } = await seal.sealStream(zeros(), options);
    await sleep(300);
    for await (const _ of chunks) break;
    return size;
  },
  sealFile: () =>
    withFile('plain', 'r', (descriptor) =>
      withFile('sealed', 'w', async (target) => {
        return (await seal.sealFile({ descriptor, size }, options, { descriptor: target })).plaintextSize;
      }),
    ),
  openFile: () =>
    withSealed((source) =>
      withFile(
        'opened',
        'w',
        async (descriptor) => (await seal.openFile(source, options, { descriptor })).plaintextSize,
      ),
    ),
  verify: () => withSealed(async (source) => (await seal.verify(source, options)).plaintextSize),
  async sealStream() {
    const { chunks, summary } = await seal.sealStream(releasing(zeros()), options);
    await count(releasing(chunks));
    return (await summary).plaintextSize;
  },
  openStream: () => withSealed(async (source) => count(releasing((await seal.openStream(source, options)).chunks))),
  async 'sealStream, garbage left'() {
    const { chunks, summary } = await seal.sealStream(zeros(), options);
    await count(chunks);
    return (await summary).plaintextSize;
  },
  'openStream, garbage left': () =>
    withSealed(async (source) => count((await seal.openStream(source, options)).chunks)),
  async 'sealStream as a filter'() {
    const { chunks, summary } = await seal.sealStream(stdin(), options);
    await print(chunks);
    return (await summary).plaintextSize;
  },
  'openChunks as a filter': async () => print((await seal.openChunks(stdin(), options)).chunks),
  sealFromPipe: () =>
    withFile('sealed', 'w', async (descriptor) => {
      const sealing = await seal.sealFromPipe(FIFO, options, { descriptor });
      await shell('head -c "$1" /dev/zero > "$2"', sizeText, FIFO);
      sealing.finish();
      const outcome = await sealing.done;
      return outcome.empty ? 0 : outcome.summary.plaintextSize;
    }),
  openToPipe: () =>
    withSealed(async (source) => {
      const opening = await seal.openToPipe(source, options, { path: FIFO });
      await shell('cat "$1" > /dev/null', FIFO);
      return (await opening.done).bytes;
    }),
};

const done = await WAYS[way]?.();
if (done !== size) throw new Error(`${way}: ${done} bytes instead of ${size}`);
const peak = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
process.stderr.write(`${JSON.stringify({ peak })}\n`);
