// Each request's answer, from the files that are served.
import type { Attributes } from './attributes.ts';
import { SftpError, STATUS } from './error.ts';
import { encodeLimits, encodeSpace } from './extensions.ts';
import type { OpenForReading, OpenForWriting, SftpFiles, WriteFlags } from './files.ts';
import type { Handles, OpenThing } from './handles.ts';
import { MAX_DATA_LENGTH, MAX_PACKET_LENGTH } from './limits.ts';
import { nextEntries } from './listing.ts';
import { attributesOf } from './longname.ts';
import { OPEN_FLAG } from './message-types.ts';
import { resolvePath } from './paths.ts';
import { dataPacket, encodeReply, type ReplyBody } from './replies.ts';
import type { Request } from './requests.ts';

/** What a session works with. */
export interface Session {
  files: SftpFiles;
  handles: Handles;
  maxHandles: number;
  /** Who owns the files in listings. */
  owner: string;
}

const OK: ReplyBody = { type: 'status', code: STATUS.ok, message: 'done' };
const EOF: ReplyBody = { type: 'status', code: STATUS.eof, message: 'end of file' };

/**
 * The packet that answers `request`.
 *
 * @throws SftpError, or what the files throw: for a status
 */
export async function answer(request: Request, session: Session): Promise<Buffer> {
  const { id } = request;
  if (request.type === 'read') return readData(request, session.handles);
  return encodeReply({ id, ...(await replyTo(request, session)) });
}

async function replyTo(request: Exclude<Request, { type: 'read' }>, session: Session): Promise<ReplyBody> {
  const { files, handles } = session;
  switch (request.type) {
    case 'open':
      return { type: 'handle', handle: await handles.add(() => openFile(request, files)) };
    case 'opendir':
      return { type: 'handle', handle: await handles.add(() => openListing(request.path, files)) };
    case 'close':
      await close(handles.take(request.handle));
      return OK;
    case 'write':
      await written(handles.get(request.handle)).write(request.data, request.offset);
      return OK;
    case 'readdir':
      return listEntries(handles.get(request.handle), session.owner);
    case 'stat':
    case 'lstat':
      return { type: 'attributes', attributes: attributesOf(await files.stat(resolvePath(request.path))) };
    case 'fstat':
      return { type: 'attributes', attributes: await statOpen(handles.get(request.handle), files) };
    case 'setstat':
      await files.setStat(resolvePath(request.path), request.attributes);
      return OK;
    case 'fsetstat':
      await setStatOpen(handles.get(request.handle), request.attributes, files);
      return OK;
    case 'fsync':
      await written(handles.get(request.handle)).sync();
      return OK;
    case 'remove':
      await files.remove(resolvePath(request.path));
      return OK;
    case 'mkdir':
      await files.mkdir(resolvePath(request.path));
      return OK;
    case 'rmdir':
      await files.rmdir(resolvePath(request.path));
      return OK;
    case 'rename':
    case 'posix-rename':
      // Only OpenSSH's request replaces; the draft's fails where there is a target (section 6.5).
      await files.rename(resolvePath(request.from), resolvePath(request.to), request.type === 'posix-rename');
      return OK;
    case 'realpath':
      return realPath(request.path);
    case 'statvfs':
      return { type: 'extended', body: encodeSpace(await files.space(resolvePath(request.path))) };
    case 'fstatvfs':
      return { type: 'extended', body: encodeSpace(await files.space(handles.get(request.handle).path)) };
    case 'limits':
      return { type: 'extended', body: limitsBody(session.maxHandles) };
    case 'readlink':
      throw new SftpError('NOT_FOUND', 'there are no links');
    case 'symlink':
      throw new SftpError('UNSUPPORTED', 'links are not supported');
    case 'unknown':
      throw new SftpError('UNSUPPORTED', `${request.name} is not supported`);
  }
}

/** Bytes that the answer to `request` takes, at most. */
export function answerLength(request: Request): number {
  return request.type === 'read' ? Math.min(request.length, MAX_DATA_LENGTH) : 0;
}

/** Lets go of what was open when the session ended. What was being written is not complete. */
export async function abandon(thing: OpenThing): Promise<void> {
  await (thing.kind === 'writing' ? thing.file.abort() : close(thing));
}

// No more than MAX_DATA_LENGTH, whatever is asked for: a client goes on behind what it got (section 6.4).
async function readData(request: Extract<Request, { type: 'read' }>, handles: Handles): Promise<Buffer> {
  const file = readable(handles.get(request.handle));
  const packet = dataPacket(request.id, Math.min(request.length, MAX_DATA_LENGTH));
  const length = await file.read(packet.data, request.offset);
  return length === 0 ? encodeReply({ id: request.id, ...EOF }) : packet.finish(length);
}

async function openFile(request: Extract<Request, { type: 'open' }>, files: SftpFiles): Promise<OpenThing> {
  const path = resolvePath(request.path);
  const has = (flag: number) => (request.flags & flag) !== 0;
  // Without READ and WRITE it is for reading, as in OpenSSH's server; so an APPEND alone makes nothing.
  if (!has(OPEN_FLAG.write)) return { kind: 'reading', path, file: await files.openRead(path) };
  const flags: WriteFlags = {
    create: has(OPEN_FLAG.create),
    exclusive: has(OPEN_FLAG.create) && has(OPEN_FLAG.exclusive),
    truncate: has(OPEN_FLAG.truncate),
    append: has(OPEN_FLAG.append),
    read: has(OPEN_FLAG.read),
    ...(has(OPEN_FLAG.exclusive) && !has(OPEN_FLAG.create) ? { partial: true } : {}),
  };
  return { kind: 'writing', path, file: await files.openWrite(path, flags), isReadable: flags.read };
}

async function openListing(sent: string, files: SftpFiles): Promise<OpenThing> {
  const path = resolvePath(sent);
  return { kind: 'listing', path, entries: (await files.list(path))[Symbol.asyncIterator]() };
}

async function close(thing: OpenThing): Promise<void> {
  if (thing.kind === 'listing') await thing.entries.return?.();
  else await thing.file.close();
}

async function listEntries(thing: OpenThing, owner: string): Promise<ReplyBody> {
  if (thing.kind !== 'listing') throw new SftpError('HANDLE', 'the handle is of no folder');
  const entries = await nextEntries(thing.entries, owner);
  return entries.length === 0 ? EOF : { type: 'name', entries };
}

function readable(thing: OpenThing): Pick<OpenForReading, 'read'> {
  if (thing.kind === 'reading' || (thing.kind === 'writing' && thing.isReadable)) return thing.file;
  throw new SftpError('HANDLE', 'the handle is not open for reading');
}

function written(thing: OpenThing): OpenForWriting {
  if (thing.kind === 'writing') return thing.file;
  throw new SftpError('HANDLE', 'the handle is not open for writing');
}

async function statOpen(thing: OpenThing, files: SftpFiles): Promise<Attributes> {
  return attributesOf(await (thing.kind === 'listing' ? files.stat(thing.path) : thing.file.stat()));
}

async function setStatOpen(thing: OpenThing, attributes: Attributes, files: SftpFiles): Promise<void> {
  if (thing.kind === 'writing') await thing.file.setStat(attributes);
  else await files.setStat(thing.path, attributes);
}

function realPath(sent: string): ReplyBody {
  const path = resolvePath(sent);
  return { type: 'name', entries: [{ name: path, longname: path, attributes: {} }] };
}

function limitsBody(openHandles: number): Buffer {
  const lengths = { packetLength: MAX_PACKET_LENGTH, readLength: MAX_DATA_LENGTH, writeLength: MAX_DATA_LENGTH };
  return encodeLimits({ ...lengths, openHandles });
}
