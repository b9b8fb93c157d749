// The algorithms that the embedded front end offers.
import type { Algorithms } from 'ssh2';

/** `modern`, or with what old clients (libssh2, paramiko) need besides. */
export type Profile = 'modern' | 'compatible';

/** In the order of preference. AES-GCM first: it is what the machine does fastest. */
export function algorithmsOf(profile: Profile): Algorithms {
  const isCompatible = profile === 'compatible';
  return {
    kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
    serverHostKey: ['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256'],
    cipher: [
      ...(['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com'] as const),
      ...(isCompatible ? (['aes256-ctr'] as const) : []),
    ],
    hmac: [
      ...(['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'] as const),
      ...(isCompatible ? (['hmac-sha2-256', 'hmac-sha2-512'] as const) : []),
    ],
    compress: ['none'],
  };
}
