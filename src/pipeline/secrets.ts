// Secrets in the forms in which the engine uses them.
import type { SecretTable } from './engines/duckdb/protocol.ts';
import { secretTableName } from './plan/printer.ts';

const BLOCK_BYTES = 64;

/** The split's secret: its hexadecimal text goes before each value. */
export function splitSecretTable(secret: Uint8Array): SecretTable {
  return { table: secretTableName('split'), key: Buffer.from(secret).toString('hex'), inner: '', outer: '' };
}

/** A domain's secret as HMAC's two padded keys (RFC 2104, section 2), hexadecimal. */
export function domainSecretTable(domain: string, secret: Uint8Array): SecretTable {
  const padded = Buffer.alloc(BLOCK_BYTES);
  padded.set(secret);
  const xor = (pad: number): string => Buffer.from(padded.map((byte) => byte ^ pad)).toString('hex');
  const table = { table: secretTableName(`domain:${domain}`), key: '', inner: xor(0x36), outer: xor(0x5c) };
  padded.fill(0);
  return table;
}
