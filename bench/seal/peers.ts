// The others: the official JavaScript client, age and rclone, each sealing and opening one file.
import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { buildClient, CommitmentPolicy } from '@aws-crypto/client-node';
import type { KeyringNode } from '@aws-crypto/material-management-node';

const { encryptStream, decryptStream } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
/** What the official client reads from its source at a time: larger than its default, to its advantage. */
const HIGH_WATER = 1024 * 1024;

/** AES-256-GCM with key commitment and no signature, as we write. */
const SUITE = 0x0478;

/** Both directions of one tool, from file to file. */
export interface Peer {
  name: string;
  seal(source: string, target: string): Promise<void>;
  open(source: string, target: string): Promise<void>;
}

/** The official client with frames of `frameLength` bytes; 4096 is its default. */
export function officialClient(keyring: KeyringNode, frameLength: number): Peer {
  return {
    name: `official-${frameLength}`,
    async seal(source, target) {
      const encrypting = encryptStream(keyring, { frameLength, suiteId: SUITE });
      await pipeline(createReadStream(source, { highWaterMark: HIGH_WATER }), encrypting, createWriteStream(target));
    },
    async open(source, target) {
      const decrypting = decryptStream(keyring);
      await pipeline(createReadStream(source, { highWaterMark: HIGH_WATER }), decrypting, createWriteStream(target));
    },
  };
}

/** age with an X25519 key pair of its own, or undefined where age is not installed. */
export function age(folder: string): Peer | undefined {
  const made = spawnSync('age-keygen', ['-o', join(folder, 'age.key')], { encoding: 'utf8' });
  const recipient = /public key: (\S+)/i.exec(made.stderr ?? '')?.[1];
  if (recipient === undefined) return undefined;
  return {
    name: 'age',
    seal: async (source, target) => run('age', ['-r', recipient, '-o', target, source]),
    open: async (source, target) => run('age', ['-d', '-i', join(folder, 'age.key'), '-o', target, source]),
  };
}

/** rclone with a crypt remote over a local folder, or undefined where rclone is not installed. */
export function rclone(folder: string): Peer | undefined {
  const obscured = spawnSync('rclone', ['obscure', 'only for the benchmark'], { encoding: 'utf8' });
  if (obscured.status !== 0) return undefined;
  const config = join(folder, 'rclone.conf');
  const crypt = ['type = crypt', 'remote = /', 'filename_encryption = off', `password = ${obscured.stdout.trim()}`];
  writeFileSync(config, ['[box]', ...crypt, 'directory_name_encryption = false', ''].join('\n'), { mode: 0o600 });
  const copy = (from: string, to: string): void => run('rclone', ['--config', config, 'copyto', from, to]);
  return {
    name: 'rclone',
    // The remote adds `.bin` to names by itself.
    seal: async (source, target) => copy(source, `box:${target}`),
    open: async (source, target) => copy(`box:${source}`, target),
  };
}

function run(program: string, args: string[]): void {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (error || status !== 0) throw new Error(`${program} ended with ${error?.message ?? `code ${status}`}`);
}
