// How much a client asks for at once: what the server says that it takes, within our own bounds.
import { brokenProtocol, type Connection, type RequestGroup } from './client-connection.ts';
import { decodeLimits, type ServerLimits } from './extensions.ts';
import { MAX_DATA_LENGTH, SAFE_DATA_LENGTH } from './limits.ts';
import { EXTENSIONS, encodeRequest } from './requests.ts';

export interface RequestSizes {
  /** Bytes of one READ. */
  readLength: number;
  /** Bytes of one WRITE. */
  writeLength: number;
  /** Handles that may be open at once, where the server says so. */
  openHandles: number | undefined;
}

/** What a packet of ours needs besides its data, with room. */
const OVERHEAD = 1024;
/** Below that, what a server says is no limit but a mistake. */
const LEAST = 1024;

/** Asks a server that offers it for its limits (PROTOCOL of OpenSSH). @throws SftpError `PROTOCOL`, `LOST`, `ABORTED` */
export async function agreeOnSizes(
  connection: Connection,
  group: RequestGroup,
  extensions: ReadonlyMap<string, string>,
): Promise<RequestSizes> {
  const unknown = { readLength: SAFE_DATA_LENGTH, writeLength: SAFE_DATA_LENGTH, openHandles: undefined };
  if (!extensions.has(EXTENSIONS.limits.name)) return unknown;
  const { reply } = await group.send((id) => encodeRequest({ id, type: 'limits' }), { expected: 'extended' });
  if (!reply) return unknown;
  let limits: ServerLimits;
  try {
    limits = decodeLimits(reply.body);
  } catch (error) {
    const broken = brokenProtocol('its limits are cut off', error);
    connection.fail(broken);
    throw broken;
  }
  const inPacket = limits.packetLength > 0 ? clamp(limits.packetLength - OVERHEAD) : MAX_DATA_LENGTH;
  return {
    readLength: clamp(limits.readLength),
    writeLength: Math.min(clamp(limits.writeLength), inPacket),
    openHandles: limits.openHandles > 0 ? limits.openHandles : undefined,
  };
}

function clamp(length: number): number {
  return length < LEAST ? SAFE_DATA_LENGTH : Math.min(length, MAX_DATA_LENGTH);
}
