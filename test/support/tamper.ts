// What the property tests of damaged messages share: what to damage, and all ways of opening at once.
import fc from 'fast-check';
import {
  type Answer,
  cutInto,
  OF_A_FRAME,
  type Opening,
  type Range,
  throughChunks,
  throughFile,
  throughInspect,
  throughPipe,
  throughRange,
  throughStream,
  throughVerify,
} from './open-ways.ts';
import { CONTEXT } from './seal.ts';
import { readKeys } from './vectors.ts';
import type { Workbench } from './workbench.ts';
import { keyringOf } from './wrapping-keys.ts';

const FULL = process.env.GLOVEBOX_FULL === '1';
const SEED = 20_240_601;

/** For `describe`: what eight times the cases may take. */
export const LONG = { timeout: FULL ? 900_000 : 120_000 };

/** Lengths of chunks, from which places of ranges come too. */
export const anyNumbers = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 3, maxLength: 8 });

/** Settings for fast-check: `count` cases in `npm test`, eight times as many in full mode; a failure prints both. */
export function runs(count: number): { seed: number; numRuns: number } {
  return { seed: SEED, numRuns: FULL ? 8 * count : count };
}

/** A whole message to damage. */
export interface Whole {
  message: Buffer;
  plaintext: Buffer;
}

/** What the ways gave, three groups that each must agree: without a key, of a stored message, of a pipe. */
export interface Answers {
  inspect: Answer;
  /** Stream, range, file, verify and pipe. */
  stored: Answer;
  chunks: Answer;
}

const { aes } = readKeys();
const options = { keyring: keyringOf(aes ? [aes] : []), context: CONTEXT };

/**
 * Opens `message` in every way, chunks and ranges by `numbers`.
 *
 * @throws Error where anything but `plaintext` came out, or ways that must agree do not
 */
export async function openEveryWay(
  message: Uint8Array,
  plaintext: Uint8Array,
  bench: Workbench,
  numbers: number[],
): Promise<Answers> {
  const opening: Opening = { message, options, plaintext };
  const stored = await throughStream(opening);
  const inOrder = {
    range: await throughRange(opening, rangesOf(plaintext, numbers)),
    'one thread': await throughFile(opening, bench, 1),
    verify: await throughVerify(opening),
    pipe: await throughPipe(opening, bench),
  };
  const inParallel = {
    'four threads': await throughFile(opening, bench, 4),
    'verify with a descriptor': await throughVerify(opening, bench),
  };
  for (const [way, answer] of Object.entries({ ...inOrder, ...inParallel })) {
    const isOfAFrame = way in inParallel && OF_A_FRAME.includes(answer) && OF_A_FRAME.includes(stored);
    if (answer !== stored && !isOfAFrame) throw new Error(`as a stream: ${stored}; ${way}: ${answer}`);
  }
  const chunks = await throughChunks(opening);
  const inPieces = await throughChunks(opening, cutInto(message, numbers));
  if (chunks !== inPieces) throw new Error(`in one chunk: ${chunks}; in several: ${inPieces}`);
  return { inspect: await throughInspect(opening), stored, chunks };
}

/** Three ranges, all of which begin in the plaintext or at its end. */
function rangesOf({ byteLength }: Uint8Array, numbers: number[]): Range[] {
  return numbers.slice(0, 3).map((number) => [number % (byteLength + 1), (number * 7) % 200]);
}
