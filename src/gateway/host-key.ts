// The keys by which clients know this host. One is made where there is none.
import { open, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import ssh2 from 'ssh2';
import { isErrnoError } from '../lib/index.ts';
import { parseSshBlob } from '../vault/index.ts';
import { STATE_FOLDER, type Workspace } from '../workspace/index.ts';
import { GatewayError } from './error.ts';
import { fingerprintOf } from './ssh/authorize.ts';

export interface HostKey {
  /** In OpenSSH's form. */
  privateKey: string;
  /** `ssh-ed25519 AAAA…`. */
  publicKey: string;
  /** `SHA256:…`. */
  fingerprint: string;
}

const DEFAULT_FILE = join(STATE_FOLDER, 'ssh_host_ed25519_key');
const MODE = 0o600;

/**
 * Reads the host keys that the workspace names; makes the default one (0600) where it names none and there is none.
 *
 * @throws GatewayError `HOST_KEY`
 */
export async function loadHostKeys(workspace: Workspace): Promise<HostKey[]> {
  const named = workspace.gateway.sftp.hostKeys;
  const paths = (named ?? [DEFAULT_FILE]).map((path) => (isAbsolute(path) ? path : join(workspace.directory, path)));
  if (named === undefined) await makeIfAbsent(paths[0] ?? '');
  return Promise.all(paths.map(readHostKey));
}

async function readHostKey(path: string): Promise<HostKey> {
  const fail = (why: string, hint: string) => new GatewayError('HOST_KEY', `the host key ${path} ${why}`, { hint });
  let privateKey: string;
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) throw fail('may be read by others', `close it to them: chmod 600 ${path}`);
    privateKey = await readFile(path, 'utf8');
  } catch (error) {
    if (!isErrnoError(error)) throw error;
    throw fail(`cannot be read (${error.code})`, 'make one with: ssh-keygen -t ed25519 -N "" -f FILE');
  }
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error || Array.isArray(parsed) || !parsed.isPrivateKey()) {
    throw fail('is no private key without a passphrase', 'make one with: ssh-keygen -t ed25519 -N "" -f FILE');
  }
  const blob = parsed.getPublicSSH();
  const { type } = parseSshBlob(blob);
  if (type !== 'ssh-ed25519' && type !== 'ssh-rsa') {
    throw fail(`is of type ${type}`, 'host keys here are ed25519, or RSA for old clients');
  }
  return { privateKey, publicKey: `${type} ${blob.toString('base64')}`, fingerprint: fingerprintOf(blob) };
}

async function makeIfAbsent(path: string): Promise<void> {
  const { private: text } = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'glovebox' });
  try {
    const file = await open(path, 'wx', MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isErrnoError(error, 'EEXIST')) return;
    throw new GatewayError('HOST_KEY', `no host key can be made at ${path}`, {
      hint: 'check the folder; glovebox init makes it',
      cause: error,
    });
  }
}
