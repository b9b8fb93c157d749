// Forged messages that are the same in every run, for tests that take them apart.
import { type Forge, forge, framesOf, type Recipe, seededBytes } from './forge.ts';
import { CONTEXT } from './seal.ts';
import { readKeys } from './vectors.ts';
import type { AesKey } from './wrapping-keys.ts';

/** Their frame length in bytes. */
export const FRAME = 64;
export const COMMITTING = 0x0478;

/** A raw AES key of wrapping-keys.json. */
export function aesKey(name: string): AesKey {
  const key = readKeys()[name];
  if (!key || !('keyMaterial' in key)) throw new Error(`no AES key ${name}`);
  return key;
}

/** A recipe with everything as it should be, under the key `aes`. */
export function recipe(seed: string, more: Partial<Recipe> = {}): Recipe {
  return { seed, suite: COMMITTING, wrappingKey: aesKey('aes'), frameLength: FRAME, context: CONTEXT, ...more };
}

export interface Sample extends Forge {
  plaintext: Buffer;
  frames: Buffer[];
  message: Buffer;
}

/** A whole message of `size` bytes by `recipe(seed, more)`. */
export function sample(seed: string, size: number, more: Partial<Recipe> = {}): Sample {
  const made = recipe(seed, more);
  const forged = forge(made);
  const plaintext = seededBytes(`${seed}: plaintext`, size);
  const frames = framesOf(forged, plaintext, made.frameLength);
  return { ...forged, plaintext, frames, message: Buffer.concat([forged.header, ...frames]) };
}
