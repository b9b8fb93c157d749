// Who may log in: by a public key, or by a certificate for one. Decided here for every front end.
import { createHash } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { parseSshBlob, type SshKey } from '../../vault/index.ts';
import { type Certificate, isCertificateType, parseCertificate, verifyCertificate } from './certificate.ts';

/** What decides who may log in. */
export interface LoginRules {
  users: ReadonlyMap<string, LoginUser>;
  /** Blobs of the keys whose certificates for users count. */
  authorities: readonly Buffer[];
  /** Blobs of public keys, or fingerprints (`SHA256:…`), of users, certificates and authorities. */
  revoked: { blobs: readonly Buffer[]; fingerprints: ReadonlySet<string> };
}

export interface LoginUser {
  keys: readonly SshKey[];
  /** As certificates for this user name them. */
  principals: readonly string[];
}

/** Somebody who has logged in. */
export interface Identity {
  user: string;
  /** `key SHA256:…`, or `certificate "ID" serial N by SHA256:…`. */
  how: string;
  /** The client's IP address. */
  address: string;
  /** The blob of the key that was shown. */
  key: Buffer;
  /** For a certificate: whose it is, and when it ends. */
  authority?: Buffer;
  expires?: Date;
}

/** A public key or certificate that somebody offers, for a user name. */
export interface Offer {
  user: string;
  /** As it goes over the wire. */
  blob: Buffer;
  address: string;
  /** By default now. */
  now?: Date;
}

/**
 * `key` is the one that the client must show to have. `isForOwner`: the reason helps whoever does, and tells
 * nobody else anything.
 */
export type Decision =
  | { isAccepted: true; identity: Identity; key: SshKey }
  | { isAccepted: false; reason: string; key?: SshKey; isForOwner?: boolean };

/** Why a certificate is refused that is for others. */
export const NOT_FOR_USER = 'the certificate is not for this user';

/**
 * Decides on what a client offers, before or after it showed that it has the key: the answer is the same. The
 * reason of a refusal is for the log, and for whoever has shown that the key is theirs.
 */
export function authorize(rules: LoginRules, offer: Offer): Decision {
  try {
    const type = typeOf(offer.blob);
    return isCertificateType(type) ? byCertificate(rules, offer) : byKey(rules, offer);
  } catch {
    return { isAccepted: false, reason: 'the key is of no kind that is taken here' };
  }
}

/** `SHA256:…`, as ssh-keygen shows it. */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The type that stands at the beginning of a key's blob. */
function typeOf(blob: Buffer): string {
  return blob.toString('latin1', 4, 4 + blob.readUInt32BE());
}

function byKey(rules: LoginRules, { user, blob, address }: Offer): Decision {
  const key = parseSshBlob(blob);
  if (isRevoked(rules, key.blob)) return { isAccepted: false, reason: 'the key is revoked', key, isForOwner: true };
  const isKnown = rules.users.get(user)?.keys.some((known) => known.blob.equals(key.blob)) ?? false;
  if (!isKnown) return { isAccepted: false, reason: 'the key is not one of this user', key };
  return { isAccepted: true, key, identity: { user, address, how: `key ${fingerprintOf(key.blob)}`, key: key.blob } };
}

function byCertificate(rules: LoginRules, { user, blob, address, now = new Date() }: Offer): Decision {
  const certificate = parseCertificate(blob);
  const { subject, id, serial, authority, validBefore } = certificate;
  const refuse = (reason: string, isForOwner = false): Decision => ({
    ...{ isAccepted: false, reason, key: subject, isForOwner },
  });
  // Nothing that it says is looked at before its signature.
  if (!rules.authorities.some((known) => known.equals(authority.blob))) {
    return refuse('the certificate is by an authority that is not known here');
  }
  if (!verifyCertificate(certificate)) return refuse('the certificate does not verify');
  const reason = whyInvalid(rules, certificate, user, address, now);
  if (reason !== undefined) return refuse(reason, true);
  const how = `certificate ${JSON.stringify(id)} serial ${serial} by ${fingerprintOf(authority.blob)}`;
  const seconds = Number(validBefore);
  const expires = seconds * 1000 < 8.64e15 ? { expires: new Date(seconds * 1000) } : {};
  const identity = { user, address, how, key: subject.blob, authority: authority.blob, ...expires };
  return { isAccepted: true, key: subject, identity };
}

function whyInvalid(
  rules: LoginRules,
  certificate: Certificate,
  user: string,
  address: string,
  now: Date,
): string | undefined {
  const { type, principals, validAfter, validBefore, subject, authority, criticalOptions } = certificate;
  const seconds = BigInt(Math.floor(now.getTime() / 1000));
  if (type !== 'user') return 'the certificate is not one for users';
  if (isRevoked(rules, authority.blob)) return 'the authority of the certificate is revoked';
  if (isRevoked(rules, subject.blob)) return 'the key of the certificate is revoked';
  if (seconds < validAfter) return 'the certificate is not valid yet';
  if (seconds >= validBefore) return 'the certificate has expired';
  const known = rules.users.get(user);
  // A certificate without principals would be for everybody: as OpenSSH, it is for nobody.
  if (known === undefined || !principals.some((principal) => known.principals.includes(principal))) {
    return NOT_FOR_USER;
  }
  for (const [name, value] of criticalOptions) {
    if (name === 'source-address') {
      if (!isInRanges(address, value.split(','))) return 'the certificate is not for this address';
    } else if (name !== 'force-command' || value !== 'internal-sftp') {
      return `the certificate asks for ${JSON.stringify(name.slice(0, 40))}, which is not done here`;
    }
  }
  return undefined;
}

function isRevoked({ revoked }: LoginRules, blob: Buffer): boolean {
  return revoked.fingerprints.has(fingerprintOf(blob)) || revoked.blobs.some((each) => each.equals(blob));
}

/**
 * Why somebody who has logged in may not any more, by rules that have changed since. What a certificate said then
 * still counts, until it ends.
 */
export function whyNoMore(rules: LoginRules, { user, key, address, authority }: Identity): string | undefined {
  if (authority === undefined) {
    const decision = authorize(rules, { user, blob: key, address });
    return decision.isAccepted ? undefined : decision.reason;
  }
  if (!rules.users.has(user)) return 'the user is not known any more';
  if (!rules.authorities.some((known) => known.equals(authority))) return 'the authority is not known any more';
  return isRevoked(rules, key) || isRevoked(rules, authority) ? 'the key is revoked' : undefined;
}

/** Whether an IP address is in one of the ranges (`192.0.2.0/24`), or is one of the addresses. */
export function isInRanges(address: string, ranges: readonly string[]): boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [net = '', bits] = range.trim().split('/');
    const family = isIP(net) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(net) === 0) continue;
    if (bits === undefined) list.addAddress(net, family);
    else list.addSubnet(net, Number(bits), family);
  }
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}
