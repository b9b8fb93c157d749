// The `gateway` block of glovebox.yaml, and the values that stand for what it does not say.
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseDuration } from './duration.ts';
import { nameSchema } from './names.ts';
import { parseSize } from './size.ts';
import { sshPublicKey } from './ssh-key-schema.ts';

const DAY_MS = 86_400_000;
const LEAST_MEMORY = 16 * 2 ** 20;

const duration = z.string().refine((text) => parseDuration(text) !== undefined, {
  error: 'must be a time such as 30s, 10m, 1h or 7d',
});
export const sizeText = z.string().refine((text) => parseSize(text) !== undefined, {
  error: 'must be an amount such as 512MB or 1GiB',
});
/** Of one connection: what a timer can wait for. */
const shortDuration = duration.refine((text) => (parseDuration(text) ?? 0) <= DAY_MS, {
  error: 'must be a time of at most 1d',
});
/** Less, and not even a few clients could send. */
const memory = sizeText.refine((text) => (parseSize(text) ?? 0) >= LEAST_MEMORY, { error: 'must be at least 16MiB' });
const count = z.int().min(1).max(100_000);
const endpoint = z.string().refine((text) => parseEndpoint(text) !== undefined, {
  error: 'must be an address and a port, such as 127.0.0.1:2022 or [::1]:2022',
});
const range = z.string().refine(isRange, { error: 'must be an address, or a range such as 192.0.2.0/24' });
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;
const revoked = z.string().refine((text) => FINGERPRINT.test(text) || sshPublicKey.safeParse(text).success, {
  error: 'must be an SSH public key, or the fingerprint of one (SHA256:…)',
});

export const gatewaySchema = z.strictObject({
  ingest: nameSchema.optional().describe('the role in which interrupted uploads are opened, to go on with them'),
  sftp: z
    .strictObject({
      listen: endpoint.optional().describe('where it listens; 127.0.0.1:2022'),
      hostKeys: z
        .array(z.string().min(1))
        .min(1)
        .optional()
        .describe('private keys of this host, in files; one is made in .glovebox/ where nothing is said'),
      userCAs: z.array(sshPublicKey).optional().describe('public keys whose certificates for users count'),
      revokedKeys: z.array(revoked).optional().describe('keys, or fingerprints of keys, that nobody gets in with'),
      profile: z
        .enum(['modern', 'compatible'])
        .optional()
        .describe('compatible: also what old clients need (aes256-ctr, SHA-2 MACs)'),
    })
    .optional()
    .describe('the SFTP server'),
  limits: z
    .strictObject({
      connections: count.optional().describe('connections at once; 200'),
      connectionsPerAddress: count.optional().describe('of one address; 100'),
      connectionsPerUser: count.optional().describe('of one user; 100'),
      unauthenticated: count.optional().describe('that have not logged in yet; 20'),
      loginGrace: shortDuration.optional().describe('time to log in; 30s'),
      attempts: count.optional().describe('failed log-ins on one connection; 6'),
      idle: shortDuration.optional().describe('time without a byte; 10m'),
      memory: memory.optional().describe('memory that connections share for what is under way; 128MiB'),
      rekeyBytes: sizeText.optional().describe('new session keys after so many bytes; 1GiB'),
      rekeyTime: shortDuration.optional().describe('and after so long; 1h'),
      banAfter: count.optional().describe('failures of an address until it is kept out; 10'),
      banTime: shortDuration.optional().describe('for how long: twice as long each time; 30s'),
      exempt: z.array(range).optional().describe('addresses and ranges that are never kept out; loopback'),
    })
    .optional()
    .describe('limits against abuse'),
  uploads: z
    .strictObject({
      expire: duration.optional().describe('interrupted uploads go after this time; 7d'),
      minFree: sizeText.optional().describe('space that must stay free on the disk; 1GiB'),
      reorder: sizeText.optional().describe('bytes of an upload that may come before their turn; 16MiB'),
    })
    .optional()
    .describe('uploads'),
  admin: endpoint.optional().describe('metrics and health, on a loopback address; nowhere where nothing is said'),
});

/** Sizes are bytes, times are milliseconds. */
export interface GatewayConfig {
  ingest?: string;
  sftp: {
    listen: Endpoint;
    hostKeys: string[] | undefined;
    userCAs: string[];
    revokedKeys: string[];
    profile: 'modern' | 'compatible';
  };
  limits: {
    connections: number;
    connectionsPerAddress: number;
    connectionsPerUser: number;
    unauthenticated: number;
    loginGrace: number;
    attempts: number;
    idle: number;
    memory: number;
    rekeyBytes: number;
    rekeyTime: number;
    banAfter: number;
    banTime: number;
    exempt: string[];
  };
  uploads: { expire: number; minFree: number; reorder: number };
  admin?: Endpoint;
}

export interface Endpoint {
  host: string;
  port: number;
}

/** The block with its defaults. */
export function gatewayConfig({ ingest, sftp, limits, uploads, admin }: z.infer<typeof gatewaySchema>): GatewayConfig {
  const time = (text: string | undefined, byDefault: string) => parseDuration(text ?? byDefault) ?? 0;
  const size = (text: string | undefined, byDefault: string) => parseSize(text ?? byDefault) ?? 0;
  const adminAt = parseEndpoint(admin ?? '');
  return {
    ...(ingest === undefined ? {} : { ingest }),
    sftp: {
      listen: parseEndpoint(sftp?.listen ?? '') ?? { host: '127.0.0.1', port: 2022 },
      hostKeys: sftp?.hostKeys,
      userCAs: sftp?.userCAs ?? [],
      revokedKeys: sftp?.revokedKeys ?? [],
      profile: sftp?.profile ?? 'modern',
    },
    limits: {
      connections: limits?.connections ?? 200,
      connectionsPerAddress: limits?.connectionsPerAddress ?? 100,
      connectionsPerUser: limits?.connectionsPerUser ?? 100,
      unauthenticated: limits?.unauthenticated ?? 20,
      loginGrace: time(limits?.loginGrace, '30s'),
      attempts: limits?.attempts ?? 6,
      idle: time(limits?.idle, '10m'),
      memory: size(limits?.memory, '128MiB'),
      rekeyBytes: size(limits?.rekeyBytes, '1GiB'),
      rekeyTime: time(limits?.rekeyTime, '1h'),
      banAfter: limits?.banAfter ?? 10,
      banTime: time(limits?.banTime, '30s'),
      exempt: limits?.exempt ?? ['127.0.0.0/8', '::1/128'],
    },
    uploads: {
      expire: time(uploads?.expire, '7d'),
      minFree: size(uploads?.minFree, '1GiB'),
      reorder: size(uploads?.reorder, '16MiB'),
    },
    ...(adminAt === undefined ? {} : { admin: adminAt }),
  };
}

/** `127.0.0.1:2022`, `[::1]:2022`; port 0 is any that is free. Undefined for anything else. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, v6, v4, digits] = /^(?:\[([0-9a-fA-F:]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4 ?? '';
  const port = Number(digits);
  return isIP(host) === 0 || port > 65_535 ? undefined : { host, port };
}

/** As `parseEndpoint` takes it. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function isRange(text: string): boolean {
  const [address = '', bits, more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32));
}
