// SSH public keys as texts, by their form.
import { z } from 'zod';

const SSH_KEY_TYPES = new Set([
  ...['ssh-ed25519', 'ssh-rsa', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ...['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'],
]);

/** `type base64 [comment]`, where the key blob begins with its own type (RFC 4253, section 6.6). */
function isSshPublicKey(text: string): boolean {
  const [, type, base64] = /^(\S+) ([A-Za-z0-9+/]+={0,2})(?: [^\r\n]*)?$/.exec(text) ?? [];
  if (type === undefined || base64 === undefined || !SSH_KEY_TYPES.has(type)) return false;
  const blob = Buffer.from(base64, 'base64');
  if (blob.length < 4 || blob.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, '')) return false;
  const length = blob.readUInt32BE(0);
  return blob.length > 4 + length + 4 && blob.toString('latin1', 4, 4 + length) === type;
}

export const sshPublicKey = z
  .string()
  .refine(isSshPublicKey, { error: 'is not an SSH public key ("ssh-ed25519 AAAA…")' });
