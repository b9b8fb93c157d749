// The built command as a peer of other tools: a process for each file, start-up included.
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Peer } from './peers.ts';

/** `glovebox seal --to` and `glovebox open --key`, with an RSA pair of their own. */
export function glovebox(folder: string): Peer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 4096 });
  const [pub, priv] = [join(folder, 'public.pem'), join(folder, 'private.pem')];
  writeFileSync(pub, publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(priv, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return {
    name: 'glovebox',
    seal: async (source, target) => run('seal', source, '--to', pub, '-o', target),
    open: async (source, target) => run('open', source, '--key', priv, '-o', target),
  };
}

function run(...args: string[]): void {
  const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`glovebox ${args[0]} ended with code ${status}: ${stderr}`);
}
