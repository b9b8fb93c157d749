// The cases of the fuzzer: a vector or a forged message, changed; each one by seed and number alone.
import type { OpenOptions } from '../../src/seal/index.ts';
import { contextSection, forge, type OddFrame, type Recipe, seededBytes, sortedPairs } from '../support/forge.ts';
import type { Opening } from '../support/open-ways.ts';
import { recipe, sample } from '../support/samples.ts';
import { CONTEXT } from '../support/seal.ts';
import { openingOf, readKeys, readVectors } from '../support/vectors.ts';
import { keyringOf } from '../support/wrapping-keys.ts';
import { mutate } from './mutate.ts';
import { type Random, randomOf } from './random.ts';

const keys = readKeys();
const vectors = readVectors().flatMap(({ vectors: each }) => each.map((vector) => openingOf(vector, keys)));
/** For messages by `sample`. */
export const options: OpenOptions = { keyring: keyringOf(keys.aes ? [keys.aes] : []), context: CONTEXT };

/** Case `index` of the run with `seed`. Nothing but its plaintext may come out, whatever the bytes are. */
export function caseOf(seed: number, index: number): Opening {
  const random = randomOf(seed, index);
  const kind = random.below(10);
  if (kind < 3) return forgeOdd(random, `${seed}/${index}`);
  const base = kind < 5 ? fresh(random, `${seed}/${index}`) : random.pick(vectors);
  const other = random.pick(vectors);
  // Frames under one key with one number and two contents are no attack: the writer's own doing.
  const foreign = idOf(other.message).equals(idOf(base.message)) ? fresh(random, 'foreign') : other;
  const message = mutate(Buffer.from(base.message), random, Buffer.from(foreign.message));
  const allowNonCommitting = base.options.allowNonCommitting === true || random.below(4) === 0;
  // A splice with the header of the other is the other, or fails.
  const { plaintext } = idOf(message).equals(idOf(foreign.message)) ? foreign : base;
  return { message, plaintext, options: { ...base.options, allowNonCommitting } };
}

function idOf(message: Uint8Array): Buffer {
  return Buffer.from(message[0] === 1 ? message.subarray(4, 20) : message.subarray(3, 35));
}

function fresh(random: Random, seed: string): Opening {
  const frameLength = random.pick([1, 16, 64, 100, 4096, 65_536]);
  const size = random.pick([0, 1, frameLength, 2 * frameLength, 3 * frameLength + 1, 20 * frameLength]);
  const { message, plaintext } = sample(`fuzz ${seed}`, Math.min(size, 40_000), { frameLength });
  return { message, plaintext, options };
}

/** A message whose header tag and frames verify, of a shape that no writer gives it. */
function forgeOdd(random: Random, seed: string): Opening {
  const frameLength = random.pick([0, 1, 16, 64, 64, 64, 0xffff, 2 ** 26, 2 ** 26 + 1, 0xffff_ffff]);
  const odd: Partial<Recipe> = { frameLength };
  if (random.below(8) === 0) odd.contentType = random.pick([0, 1, 3, 255]);
  if (random.below(8) === 0) odd.wrappedCount = random.pick([0, 2, 16, 17, 0xffff]);
  if (random.below(8) === 0) odd.sectionLength = random.below(0x1_0000);
  if (random.below(8) === 0) odd.suite = 0x0578;
  if (random.below(8) === 0) odd.section = contextSection(sortedPairs(CONTEXT), random.below(5));
  if (random.below(8) === 0) odd.wrapped = (own) => [random.bytes(random.below(200)), own];
  const made = forge(recipe(`odd ${seed}`, odd));
  const piece = Math.min(frameLength, 200);
  const plaintext = seededBytes(`odd ${seed}: plaintext`, 5 * piece);
  const parts: Buffer[] = [made.header];
  let size = 0;
  // Each frame holds what belongs into its place, also behind a final frame that came too early.
  for (let sequence = 1; sequence <= 5; sequence++) {
    const final = sequence === 5 || random.below(6) === 0;
    const from = (sequence - 1) * piece;
    size = from + (final ? random.below(piece + 1) : piece);
    const content = plaintext.subarray(from, size);
    const oddFrame: OddFrame = random.below(6) === 0 ? { first: random.pick([0, 1, 0xffff_ffff, sequence + 1]) } : {};
    parts.push(final ? made.final(sequence, content, oddFrame) : made.regular(sequence, content, oddFrame));
    if (final && random.below(4) !== 0) break;
  }
  return { message: Buffer.concat(parts), plaintext: plaintext.subarray(0, size), options };
}
