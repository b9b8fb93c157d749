// A log-in whose every byte the test decides: ssh2's client exchanges the keys, and then says what it is told.
import ssh2 from 'ssh2';
import { wireString } from '../../src/vault/index.ts';
import { insidesOf } from './ssh-client.ts';

export interface RawLogin {
  user: string;
  algorithm: string;
  /** The public key, or the certificate. */
  blob: Buffer;
  /** The parts of the signature (a format's name and what follows), over what RFC 4252, section 7 says. */
  sign(message: Buffer): Buffer[];
}

const USERAUTH_REQUEST = 50;

/** Sends one request with a signature. `closed`: the server ended the connection instead of an answer. */
export function logInRaw(port: number, login: RawLogin): Promise<'in' | 'refused' | 'closed'> {
  const client = new ssh2.Client();
  return new Promise((resolve) => {
    const end = (answer: 'in' | 'refused' | 'closed') => {
      resolve(answer);
      client.end();
    };
    client.on('error', () => end('closed')).on('close', () => end('closed'));
    client.once('ready', () => end('in'));
    client.connect({
      host: '127.0.0.1',
      port,
      username: login.user,
      authHandler: () => {
        insidesOf(client)._protocol._handlers.USERAUTH_FAILURE = () => end('refused');
        send(client, login);
        return undefined as never;
      },
    });
  });
}

function send(client: ssh2.Client, { user, algorithm, blob, sign }: RawLogin): void {
  const { _protocol: protocol } = insidesOf(client);
  const words = [user, 'ssh-connection', 'publickey'].map((word) => wireString(word));
  const [isSigned, type] = [Buffer.from([1]), Buffer.from([USERAUTH_REQUEST])];
  const request = Buffer.concat([type, ...words, isSigned, wireString(algorithm), wireString(blob)]);
  const message = Buffer.concat([wireString(protocol._kex.sessionID), request]);
  const payload = Buffer.concat([request, wireString(Buffer.concat(sign(message)))]);
  const { write } = protocol._packetRW;
  const packet = write.alloc(payload.length);
  packet.set(payload, write.allocStart);
  protocol._cipher.encrypt(write.finalize(packet));
}
