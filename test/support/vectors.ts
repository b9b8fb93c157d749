// The known-answer tests: messages as data, with the answer that each way of opening must give.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/process.ts';
import type { Answer, Opening, Way } from './open-ways.ts';
import { keyringOf, type WrappingKey } from './wrapping-keys.ts';

export const VECTORS = join(root, 'test', 'vectors');
const MESSAGES = join(VECTORS, 'messages');

export interface Vector {
  name: string;
  /** What is wrong, or special, and why the answer is what it is. */
  why: string;
  expect: Record<Way, Answer>;
  /** Why the ways with a key give different answers, where they do. */
  difference?: string;
  /** Names from wrapping-keys.json: any of them may open it. */
  keyring: string[];
  /** The pairs that the caller asks for. */
  context: Record<string, string>;
  allowNonCommitting?: true;
  /** Hex: all that may ever come out. */
  plaintext: string;
  /** Hex. */
  message: string;
}

/** One file: vectors that fail for the same kind of reason, or open. */
export interface VectorClass {
  class: string;
  vectors: Vector[];
}

export function readKeys(): Record<string, WrappingKey> {
  return JSON.parse(readFileSync(join(VECTORS, 'wrapping-keys.json'), 'utf8'));
}

export function readVectors(): VectorClass[] {
  return readdirSync(MESSAGES)
    .sort()
    .map((name) => JSON.parse(readFileSync(join(MESSAGES, name), 'utf8')));
}

/** What to open, as `open-ways.ts` takes it. */
export function openingOf(vector: Vector, keys: Record<string, WrappingKey>): Opening {
  const keyring = keyringOf(vector.keyring.flatMap((name) => keys[name] ?? []));
  const { context, allowNonCommitting = false } = vector;
  return {
    message: Buffer.from(vector.message, 'hex'),
    options: { keyring, context, allowNonCommitting },
    plaintext: Buffer.from(vector.plaintext, 'hex'),
  };
}
