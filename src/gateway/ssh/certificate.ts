// OpenSSH user certificates (OpenSSH's PROTOCOL.certkeys): read strictly, and verified.
import { parseSshBlob, readSshKey, type SshKey, verifySshValue, wireReader } from '../../vault/index.ts';

/** What a certificate says, its signature verified or not. */
export interface Certificate {
  /** The key that it is for. */
  subject: SshKey;
  serial: bigint;
  type: 'user' | 'host';
  /** Who made it calls it that. */
  id: string;
  principals: string[];
  /** Seconds since 1970; valid from the first, and before the second. */
  validAfter: bigint;
  validBefore: bigint;
  criticalOptions: Map<string, string>;
  /** The certification authority's key. */
  authority: SshKey;
  /** All but the signature, and the signature. */
  signed: Buffer;
  signature: Buffer;
}

const SUFFIX = '-cert-v01@openssh.com';
const MAX_BYTES = 32 * 1024;

/** Whether the algorithm is one of certificates. */
export function isCertificateType(type: string): boolean {
  return type.endsWith(SUFFIX);
}

/** Reads a certificate. Nothing in it is verified. @throws VaultError `SIGNATURE` */
export function parseCertificate(blob: Buffer): Certificate {
  const reader = wireReader(blob.subarray(0, MAX_BYTES), 'the certificate');
  const kind = reader.text();
  const plain = kind.slice(0, -SUFFIX.length);
  const type = plain.startsWith('sk-') ? `${plain}@openssh.com` : plain;
  reader.string(); // the nonce
  const subject = readSshKey(type, reader, blob);
  const serial = reader.bytes(8).readBigUInt64BE();
  const role = reader.uint32();
  const id = reader.string().toString('utf8');
  const principals = readList(reader.string());
  const validAfter = reader.bytes(8).readBigUInt64BE();
  const validBefore = reader.bytes(8).readBigUInt64BE();
  const criticalOptions = readOptions(reader.string());
  reader.string(); // extensions: of a shell, of which there is none here
  reader.string(); // reserved
  const authority = parseSshBlob(reader.string());
  const before = reader.position;
  const signature = reader.string();
  reader.end();
  return {
    ...{ subject, serial, type: role === 1 ? 'user' : 'host', id, principals, validAfter, validBefore },
    ...{ criticalOptions, authority, signed: blob.subarray(0, before), signature },
  };
}

/** Whether the authority that it names has signed it. @throws VaultError `SIGNATURE` */
export function verifyCertificate({ authority, signed, signature }: Certificate): boolean {
  return verifySshValue(signature, signed, authority);
}

function readList(list: Buffer): string[] {
  const reader = wireReader(list, 'the certificate');
  const found: string[] = [];
  while (reader.position < list.length) found.push(reader.string().toString('utf8'));
  return found;
}

/** Names, and for each a text that is an SSH string of its own. */
function readOptions(list: Buffer): Map<string, string> {
  const reader = wireReader(list, 'the certificate');
  const found = new Map<string, string>();
  while (reader.position < list.length) {
    const name = reader.text();
    const value = reader.string();
    found.set(name, value.length === 0 ? '' : wireReader(value, 'the certificate').text());
  }
  return found;
}
