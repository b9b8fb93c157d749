// What ssh(1) says when it fails, as one clear error. Its words are not shown as they are: a server has a part in them.
import { TransferError } from './error.ts';
import type { Remote } from './remote.ts';

/** How a server is named to the user: as it was typed, without the path. */
export function nameOf({ host, port }: Pick<Remote, 'host' | 'port'>): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? name : `${name}:${port}`;
}

/** What to do about a host key that is not known. */
export function unknownHost(remote: Remote, fingerprint?: string): TransferError {
  const name = nameOf(remote);
  const offers = fingerprint === undefined ? '' : `; it offers ${fingerprint}`;
  const command = remote.port === undefined ? 'ssh' : `ssh -p ${remote.port}`;
  return new TransferError('HOST_UNKNOWN', `the key of the host ${name} is not known${offers}`, {
    hint: `ask whoever runs it for the fingerprint, then say --host-key SHA256:…, or trust it for good: ${command} ${remote.host}`,
  });
}

/** A host key that is another one than the one pinned with `--host-key`. */
export function notPinned(remote: Remote, fingerprint: string | undefined): TransferError {
  const offers = fingerprint === undefined ? '' : `; it offers ${fingerprint}`;
  return new TransferError('HOST_KEY', `the key of the host ${nameOf(remote)} is not the one of --host-key${offers}`, {
    hint: 'somebody may be in between: ask whoever runs it what its fingerprint is',
  });
}

/** A host key that is another one than the one that is known. */
export function changedHost(remote: Remote): TransferError {
  return new TransferError('HOST_KEY', `the key of the host ${nameOf(remote)} is not the one that is known`, {
    hint:
      'somebody may be in between: ask whoever runs it; if it has a new key indeed, remove the old one with: ' +
      `ssh-keygen -R ${remote.port === undefined ? remote.host : `'[${remote.host}]:${remote.port}'`}`,
  });
}

export function revokedHost(remote: Remote): TransferError {
  return new TransferError('HOST_KEY', `the key of the host ${nameOf(remote)} is revoked`, {
    hint: 'do not connect; ask whoever runs it',
  });
}

export function refusedLogin(remote: Remote): TransferError {
  const who = remote.user === undefined ? 'this user' : `the user ${remote.user}`;
  return new TransferError('LOGIN', `${nameOf(remote)} does not let ${who} in with the keys at hand`, {
    hint: 'name the user (USER@HOST) and the key (-i FILE), or add it to the agent: ssh-add FILE',
  });
}

const CONNECTING: [pattern: RegExp, what: string, hint: string][] = [
  [/could not resolve hostname/i, 'there is no host of that name', 'check the name, and the network'],
  [/connection refused/i, 'nothing listens there', 'check the host and the port'],
  [/timed out|timeout/i, 'it does not answer', 'check the host, the port, and firewalls in between'],
  [/connection (?:reset|closed)|banner/i, 'it ends the connection at once', 'try again later, and ask whoever runs it'],
  [/no route to host|network is unreachable/i, 'there is no way to it', 'check the network'],
];

/** @param pin set where one key only is taken @param offered the fingerprint of the key that the server showed */
export function explainSsh(said: string, remote: Remote, pin?: string, offered?: string): TransferError {
  if (/REVOKED|host key .* revoked/i.test(said)) return revokedHost(remote);
  if (/host key verification failed|host key is known for/i.test(said)) {
    if (pin !== undefined) return notPinned(remote, offered);
    return /HAS CHANGED|identification has changed/i.test(said) ? changedHost(remote) : unknownHost(remote);
  }
  if (/permission denied|too many authentication failures|no more authentication methods/i.test(said)) {
    return refusedLogin(remote);
  }
  const name = nameOf(remote);
  if (/subsystem request failed/i.test(said)) {
    return new TransferError('CONNECT', `${name} has no SFTP server`, { hint: 'ask whoever runs it' });
  }
  if (/bad configuration option|unsupported option|missing argument|bad owner or permissions/i.test(said)) {
    return new TransferError('SETUP', 'ssh does not take its configuration, or an option that it was given', {
      hint: `see what it says: ssh ${remote.host}`,
    });
  }
  if (/unable to negotiate|no matching/i.test(said)) {
    return new TransferError('SETUP', `ssh and ${name} have no algorithm in common`, {
      hint: `see what it says: ssh -v ${remote.host}`,
    });
  }
  for (const [pattern, what, hint] of CONNECTING) {
    if (pattern.test(said)) return new TransferError('CONNECT', `${name} cannot be reached: ${what}`, { hint });
  }
  return new TransferError('CONNECT', `ssh did not get through to ${name}`, {
    hint: `see what it says: ssh ${remote.host}`,
  });
}
