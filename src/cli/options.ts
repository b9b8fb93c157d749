// Options that several commands have.
import { parseTarget } from '../access/index.ts';
import { type EncryptionContext, MAX_THREADS } from '../seal/index.ts';
import { usage } from './error.ts';
import { parseCount, parsePair } from './parse.ts';

export const threads = {
  value: 'N',
  description: 'worker threads, where files are read and written',
  byDefault: 'as many as there are cores',
  parse: parseCount(1, MAX_THREADS),
} as const;

export const target = {
  value: 'TARGET',
  description: 'workspace, or aws:ACCOUNT:REGION (aws-cn:…, aws-us-gov:…)',
  byDefault: 'workspace',
  parse: parseTarget,
} as const;

export const openingKeys = {
  value: 'FILE',
  description: 'a private key (PEM), or an exported key (JSON), closed to others',
  many: true,
} as const;

export const expectedContext = {
  value: 'NAME=VALUE',
  description: 'what the encryption context must hold',
  parse: parsePair,
  many: true,
} as const;

export const allowNonCommitting = {
  description: 'also open messages without key commitment: version 1, and unframed ones; from files only',
} as const;

/** The pairs as an encryption context. @throws CliError `USAGE` for a name that comes twice */
export function contextOf(pairs: [name: string, value: string][]): EncryptionContext {
  const names = pairs.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw usage(`the context has two values for ${twice}`, 'leave one of them');
  return Object.fromEntries(pairs);
}
