// Behind OpenSSH's server: whom it lets in, and who has come. It has verified the key; what the key may do is
// decided here, by the same rules as at the embedded front end.
import { parseSshBlob } from '../../vault/index.ts';
import { GatewayError } from '../error.ts';
import { authorize, type Identity, type LoginRules, NOT_FOR_USER } from './authorize.ts';
import { isCertificateType, parseCertificate } from './certificate.ts';

/** Who has come, as sshd tells it. */
export interface Arrival {
  /** Of the operating system. */
  account: string;
  /** The client's IP address. */
  address: string;
  /** The keys and certificates that it has shown to have, as they go over the wire. */
  blobs: readonly Buffer[];
}

/** What a line of authorized_keys must not hold inside of quotes, or takes for a separator. */
const PLAIN_PRINCIPAL = /^[A-Za-z0-9._@+:/-]+$/;
/** Nothing but the log-in; where sshd is not told to run the subsystem instead, not even a command. */
const NOTHING = 'restrict,command="false"';

/**
 * The user of glovebox.yaml who has come: the one of the account's name, where there is one; else the one whose key
 * it is.
 *
 * @throws GatewayError `LOGIN`
 */
export function identify(rules: LoginRules, { account, address, blobs }: Arrival): Identity {
  const decisions = blobs.flatMap((blob) =>
    usersFor(rules, account).map((user) => authorize(rules, { user, blob, address })),
  );
  const found = new Map<string, Identity>();
  for (const decision of decisions) if (decision.isAccepted) found.set(decision.identity.user, decision.identity);
  const [identity, ...others] = found.values();
  if (identity !== undefined && others.length === 0) return identity;
  if (identity !== undefined) {
    throw new GatewayError('LOGIN', 'the key is that of several users', {
      hint: 'give each user a key of their own, or an account with their name',
    });
  }
  const reasons = decisions.flatMap((decision) =>
    !decision.isAccepted && decision.isForOwner === true ? [decision.reason] : [],
  );
  // What is wrong with it for the user whom it is for says more than that it is not for the others.
  const [first] = reasons;
  const reason = reasons.find((each) => each !== NOT_FOR_USER) ?? first ?? 'the key is not one of a user';
  throw new GatewayError('LOGIN', reason, { hint: 'ask whoever runs the server' });
}

/**
 * Lines as in authorized_keys: the keys that get in under an account, and the authorities whose certificates do.
 *
 * @param offered a key or certificate, as it goes over the wire: then only the line that it needs, if it gets in
 */
export function authorizedKeys(rules: LoginRules, account: string, offered?: Buffer): string[] {
  const users = usersFor(rules, account);
  if (offered === undefined) {
    const keys = users.flatMap((user) => rules.users.get(user)?.keys ?? []).map(({ blob }) => blob);
    const all = [...keys.flatMap(ownLine), ...rules.authorities.map(authorityLine)];
    return [...new Set(all)];
  }
  const certificate = isCertificate(offered) ? parseCertificate(offered) : undefined;
  // Its address and its times are sshd's to look at, and looked at once more when the session begins.
  if (certificate !== undefined) {
    const isKnown = rules.authorities.some((blob) => blob.equals(certificate.authority.blob));
    return isKnown ? [authorityLine(certificate.authority.blob)] : [];
  }
  return ownLine(offered);

  function ownLine(blob: Buffer): string[] {
    const isAccepted = users.some((user) => authorize(rules, { user, blob, address: '' }).isAccepted);
    return isAccepted ? [keyLine(blob)] : [];
  }

  function authorityLine(blob: Buffer): string {
    const principals = new Set(users.flatMap((user) => rules.users.get(user)?.principals ?? []));
    const plain = [...principals].filter((principal) => PLAIN_PRINCIPAL.test(principal));
    return `cert-authority,principals="${plain.join(',')}",${keyLine(blob)}`;
  }
}

/**
 * The keys of an SSH_USER_AUTH file: sshd writes one line for each way in which somebody has shown who they are
 * (sshd_config(5), ExposeAuthInfo).
 */
export function parseAuthInfo(text: string): Buffer[] {
  const lines = text.split('\n').map((line) => line.split(' '));
  return lines
    .filter(([method, type, base64]) => method === 'publickey' && type !== undefined && base64 !== undefined)
    .map(([, , base64 = '']) => Buffer.from(base64, 'base64'));
}

function usersFor({ users }: LoginRules, account: string): string[] {
  return users.has(account) ? [account] : [...users.keys()];
}

function keyLine(blob: Buffer): string {
  return `${NOTHING} ${parseSshBlob(blob).type} ${blob.toString('base64')}`;
}

function isCertificate(blob: Buffer): boolean {
  return blob.length >= 4 && isCertificateType(blob.toString('latin1', 4, 4 + blob.readUInt32BE()));
}
