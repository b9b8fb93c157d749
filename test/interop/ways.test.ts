// Every way of ours to seal and to open agrees with the official clients: streams, files in parallel, pipes,
// ranges. At exact multiples of the frame length above all: the Python client takes no full final frame.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type SealOptions, sealFile, sealFromPipe } from '../../src/seal/index.ts';
import { expectOpened } from '../contracts/encryption-client.ts';
import { type EncryptionClient, javascriptBuffers } from '../support/encryption-client.ts';
import {
  type Answer,
  type Opening,
  type Range,
  throughChunks,
  throughFile,
  throughPipe,
  throughRange,
  throughStream,
  throughVerify,
} from '../support/open-ways.ts';
import { missingPython, type PythonClient, startPythonClient } from '../support/python.ts';
import { CONTEXT, randomPlaintext, sealBytes } from '../support/seal.ts';
import { makeWorkbench, type Workbench } from '../support/workbench.ts';
import { keyringOf, newAesKey } from '../support/wrapping-keys.ts';

const FRAME_LENGTHS = [4096, 256 * 1024];
const sizes = (length: number) => [0, length - 1, length, length + 1, 2 * length, 9 * length, 9 * length + 1];
const aes = newAesKey();
const keyring = keyringOf([aes]);

let python: PythonClient;
let bench: Workbench;
beforeAll(async () => {
  bench = await makeWorkbench();
  if (missingPython() === undefined) python = startPythonClient();
});
afterAll(async () => {
  await python?.stop();
  await bench.close();
});

const waysToSeal: Record<string, (plaintext: Buffer, options: SealOptions) => Promise<Uint8Array>> = {
  sealStream: async (plaintext, options) => (await sealBytes(plaintext, options)).bytes,
  sealFile: async (plaintext, options) => {
    await sealFile(bench.source(plaintext), options, { descriptor: bench.target(0) }, { threads: 2 });
    return bench.targetBytes();
  },
  sealFromPipe: async (plaintext, options) => {
    const path = join(bench.folder, 'plain');
    await writeFile(path, plaintext);
    const sealing = await sealFromPipe(bench.fifo, options, { descriptor: bench.target(0) });
    const writer = spawn('sh', ['-c', 'cat "$1" > "$2"', 'sh', path, bench.fifo], { stdio: 'inherit' });
    try {
      expect(await once(writer, 'close')).toEqual([0, null]);
      sealing.finish();
      await sealing.done;
    } finally {
      writer.kill();
    }
    return bench.targetBytes();
  },
};

const waysToOpen: Record<string, (opening: Opening, frameLength: number) => Promise<Answer>> = {
  openStream: throughStream,
  openChunks: (opening) => throughChunks(opening),
  openRange: (opening, frameLength) => throughRange(opening, rangesOf(opening.plaintext.byteLength, frameLength)),
  openFile: (opening) => throughFile(opening, bench, 2),
  openToPipe: (opening) => throughPipe(opening, bench),
  verify: (opening) => throughVerify(opening, bench),
};

/** Over the last boundary of frames, and behind it. */
function rangesOf(size: number, frameLength: number): Range[] {
  const boundary = Math.floor(size / frameLength) * frameLength;
  const over: Range[] = boundary === 0 ? [] : [[boundary - 1, 2]];
  return [...over, [boundary, 10], [size, 1]];
}

describe('the official JavaScript client', () => describeWays(() => javascriptBuffers));
describe('the official Python client', () => {
  beforeEach((context) => {
    const reason = missingPython();
    if (reason !== undefined) context.skip(reason);
  });
  describeWays(() => python);
});

function describeWays(client: () => EncryptionClient): void {
  it.each(Object.entries(waysToSeal))('opens what %s makes', async (name, seal) => {
    for (const frameLength of FRAME_LENGTHS) {
      // A pipe without a byte makes no message.
      for (const size of sizes(frameLength).filter((bytes) => bytes > 0 || name !== 'sealFromPipe')) {
        const plaintext = randomPlaintext(size);
        const sealed = await seal(plaintext, { keyring, context: CONTEXT, frameLength });
        expectOpened(await client().open(sealed, [aes]), plaintext, CONTEXT);
      }
    }
  });

  describe.each(['0x0478', '0x0578'])('of suite %s, its messages', (suite) => {
    it.each(Object.entries(waysToOpen))('open with %s', async (_, openWith) => {
      for (const frameLength of FRAME_LENGTHS) {
        for (const size of sizes(frameLength)) {
          const plaintext = randomPlaintext(size);
          const request = { keys: [aes], context: CONTEXT, frameLength, suite: Number(suite) };
          const message = await client().seal(plaintext, request);
          expect(await openWith({ message, plaintext, options: { keyring, context: CONTEXT } }, frameLength)).toBe(
            'opens',
          );
        }
      }
    });
  });
}
