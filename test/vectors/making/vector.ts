// What the vectors are made from: two forged messages of one shape, the keys, the originals, short forms.
import type { Answer, Way } from '../../support/open-ways.ts';
import { FRAME, type Sample, sample } from '../../support/samples.ts';
import { CONTEXT } from '../../support/seal.ts';
import { readVectors, type Vector } from '../../support/vectors.ts';

export const SIGNED = 0x0578;

/** A vector before its defaults: the keyring is `aes`, the context `CONTEXT`. */
export type Draft = Pick<Vector, 'name' | 'why' | 'expect' | 'difference'> &
  Partial<Pick<Vector, 'keyring' | 'context' | 'allowNonCommitting'>> & {
    plaintext: Uint8Array;
    message: Uint8Array;
  };

export function finish({ plaintext, message, ...draft }: Draft): Vector {
  const { name, why, expect, difference, keyring = ['aes'], context = CONTEXT, allowNonCommitting } = draft;
  return {
    ...{ name, why, expect },
    ...(difference === undefined ? {} : { difference }),
    ...{ keyring, context },
    ...(allowNonCommitting ? { allowNonCommitting } : {}),
    plaintext: Buffer.from(plaintext).toString('hex'),
    message: Buffer.from(message).toString('hex'),
  };
}

/** One answer for every way with a key; `inspect`, which has none, sees nothing wrong unless told. */
export function expects(answer: Answer, { inspect = 'opens', ...others }: Partial<Record<Way, Answer>> = {}) {
  const rest = { stream: answer, chunks: answer, range: answer, file: answer, verify: answer, pipe: answer };
  return { inspect, ...rest, ...others } satisfies Record<Way, Answer>;
}

/** One answer for every way: what is wrong shows without a key. */
export function expectsAll(answer: Answer, others: Partial<Record<Way, Answer>> = {}) {
  return expects(answer, { inspect: answer, ...others });
}

/** Three whole frames and a final one of 20 bytes. */
export const one = sample('one', 3 * FRAME + 20);
/** Another message of the same shape. */
export const other = sample('other', 3 * FRAME + 20);

/** The frames of `one` or `other`. */
export function fourFrames({ frames: [first, second, third, final] }: Sample): [Buffer, Buffer, Buffer, Buffer] {
  if (!first || !second || !third || !final) throw new Error('not four frames');
  return [first, second, third, final];
}

/** `size` bytes of a sample's plaintext from a frame on. */
export function plaintextFrom({ plaintext }: Sample, frame: number, size = FRAME): Buffer {
  return plaintext.subarray(frame * FRAME, frame * FRAME + size);
}

/** A message that somebody's writer made. @throws Error where there is none of this name */
export function original(name: string): Draft {
  const vector = readVectors()
    .flatMap(({ vectors }) => vectors)
    .find((each) => each.name === name);
  if (!vector) throw new Error(`no original ${name}: run make.ts with --originals`);
  return {
    ...vector,
    plaintext: Buffer.from(vector.plaintext, 'hex'),
    message: Buffer.from(vector.message, 'hex'),
  };
}
