// Reads a policy document that the user names, bounded before it is parsed.
import { open } from 'node:fs/promises';
import { MOST_CHARACTERS } from '../access/index.ts';
import { isErrnoError } from '../lib/index.ts';
import { readAtMost } from './bounded-read.ts';
import { CliError } from './error.ts';

/** The file's text, no more of it than the parser needs to see that it is too long. @throws CliError `FILE` */
export async function readPolicyFile(path: string): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      return (await readAtMost(handle, 4 * MOST_CHARACTERS + 1)).toString('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!isErrnoError(error)) throw error;
    const details = { hint: 'check the path, and that you may read it', cause: error };
    throw new CliError('FILE', `${path}: cannot be read (${error.code})`, details);
  }
}
