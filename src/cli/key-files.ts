// Keys that are named on the command line by their files: public and private keys, and exported ones.
import { createPrivateKey } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { KeyringNode } from '@aws-crypto/material-management-node';
import { combineKeyrings, exportedKeyring, KeyError, privateKeyKeyring, publicKeyKeyring } from '../keys/index.ts';
import { isErrnoError } from '../lib/index.ts';
import { MAX_WRAPPED_KEYS } from '../seal/index.ts';
import { readAtMost } from './bounded-read.ts';
import { CliError, usage } from './error.ts';
import { readPassphrase } from './prompt.ts';

/** More than any key takes: what is longer is refused by its form. */
const MOST_BYTES = 64 * 1024;
/** PKCS#8 (RFC 5958), or what OpenSSL wrote before. */
const ENCRYPTED = /^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;
/** Named by mistake: what is wrong with it is not its mode. */
const PUBLIC = /^-----BEGIN (RSA )?PUBLIC KEY-----/m;

/**
 * A keyring that seals for each of the keys, so that each alone opens it.
 *
 * @param to files of public keys
 * @param keys files of exported keys
 * @throws CliError `USAGE`, `FILE`; KeyError `INVALID`
 */
export async function sealingKeyring(to: string[], keys: string[]): Promise<KeyringNode> {
  const count = to.length + keys.length;
  if (count > MAX_WRAPPED_KEYS) throw usage(`${count} keys are too many`, `seal for at most ${MAX_WRAPPED_KEYS}`);
  const keyrings: KeyringNode[] = [];
  for (const path of to) {
    const text = await readKeyFile(path, false);
    if (isExported(text)) throw notFor(path, 'a key that must stay secret, and no public one', 'name it with --key');
    keyrings.push(named(path, () => publicKeyKeyring(text)));
  }
  for (const path of keys) {
    const text = await readKeyFile(path, true);
    if (!isExported(text)) {
      throw notFor(path, 'not an exported key', 'public keys are named with --to; exported ones: glovebox key export');
    }
    keyrings.push(named(path, () => exportedKeyring(text)));
  }
  return together(keyrings, 'seal for', 'name a public key with --to, or an exported one with --key');
}

/**
 * A keyring that opens what was sealed for any of the keys.
 *
 * @param keys files of private keys and exported ones
 * @throws CliError `USAGE`, `FILE`, `PASSPHRASE`, `WRONG_PASSPHRASE`; KeyError `INVALID`
 */
export async function openingKeyring(keys: string[], signal: AbortSignal): Promise<KeyringNode> {
  const keyrings: KeyringNode[] = [];
  for (const path of keys) {
    const text = await readKeyFile(path, true);
    const pem = ENCRYPTED.test(text) ? await decryptPem(path, text, signal) : text;
    keyrings.push(named(path, () => (isExported(text) ? exportedKeyring(text) : privateKeyKeyring(pem))));
  }
  return together(keyrings, 'open with', 'name a private key, or an exported one, with --key');
}

function together([first, ...others]: KeyringNode[], what: string, hint: string): KeyringNode {
  if (first === undefined) throw usage(`there is no key to ${what}`, hint);
  return others.length === 0 ? first : combineKeyrings(first, others);
}

/** The file's text. A secret one must be closed to others, as ssh demands of its keys. */
async function readKeyFile(path: string, isSecret: boolean): Promise<string> {
  if (path === '-') throw usage('a key cannot come from standard input', 'name its file, or a descriptor: /dev/fd/N');
  // Not quoted: it may be the secret.
  if (/-----BEGIN|[\r\n]|^\s*\{/.test(path)) {
    throw usage('this names no file but holds a key', 'put keys into files: everybody on this machine sees arguments');
  }
  try {
    const handle = await open(path, 'r');
    try {
      const status = await handle.stat();
      if (!status.isFile() && !status.isFIFO()) {
        throw new CliError('FILE', `${path}: is not a file`, { hint: 'name the file of the key' });
      }
      const bytes = await readAtMost(handle, MOST_BYTES);
      const text = bytes.toString('utf8');
      bytes.fill(0);
      const isOpen = (status.mode & 0o077) !== 0 && status.uid === process.geteuid?.();
      if (isSecret && isOpen && !PUBLIC.test(text)) {
        throw new CliError('FILE', `${path}: the key can be read by others, and is not used`, {
          hint: `close it: chmod 600 ${path}; if others may have read it already, it is no secret any more`,
        });
      }
      return text;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!isErrnoError(error)) throw error;
    throw new CliError('FILE', `${path}: the key cannot be read (${error.code})`, {
      hint: 'check the path and the mode',
      cause: error,
    });
  }
}

function isExported(text: string): boolean {
  return /^\s*\{/.test(text);
}

async function decryptPem(path: string, text: string, signal: AbortSignal): Promise<string> {
  const what = `passphrase of ${path}`;
  const passphrase = await readPassphrase({ what, variable: 'GLOVEBOX_PASSPHRASE_FILE', signal });
  try {
    return createPrivateKey({ key: text, passphrase }).export({ type: 'pkcs8', format: 'pem' }).toString();
  } catch {
    throw new CliError('WRONG_PASSPHRASE', `${path}: the passphrase does not open this key, or the key is damaged`);
  }
}

/** What keys/ says of a text, with the file's name. */
function named<Result>(path: string, make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    const { code, message, hint, cause } = error;
    throw new KeyError(code, `${path}: ${message}`, { ...(hint === undefined ? {} : { hint }), cause });
  }
}

function notFor(path: string, what: string, hint: string): KeyError {
  return new KeyError('INVALID', `${path}: this is ${what}`, { hint });
}
