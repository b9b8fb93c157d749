// One question, one answer: what a client asks besides the data of files.
import type { Attributes } from './attributes.ts';
import type { ReplyOf, RequestGroup, Sending } from './client-connection.ts';
import { errorOfStatus, SftpError } from './error.ts';
import { MAX_PATH_LENGTH } from './limits.ts';
import { OPEN_FLAG } from './message-types.ts';
import type { Reply } from './replies.ts';
import { encodeRequest, type RequestBody } from './requests.ts';

/** An open file or folder of the server: bytes that mean something to it alone. */
export type Handle = Buffer;

type Question = Exclude<RequestBody, { type: 'unknown' }>;

/**
 * Asks `question`, and gives the reply. `what` completes "the server did not …".
 *
 * @throws SftpError `PATH` where a path cannot be sent as it is; what the server's status says; that which stopped the group
 */
export async function ask<Type extends Reply['type']>(
  group: RequestGroup,
  what: string,
  question: Question,
  sending: Sending<Type>,
): Promise<ReplyOf<Type>> {
  checkPaths(question);
  const answer = await group.send((id) => encodeRequest({ id, ...question }), sending);
  if (answer.failure) throw errorOfStatus(answer.failure, what);
  return answer.reply;
}

/** Asks for something that is answered with OK. @throws as `ask` */
export async function command(group: RequestGroup, what: string, question: Question): Promise<void> {
  await ask(group, what, question, { expected: 'status' });
}

/**
 * Opens a file or folder. Where the group is stopped meanwhile, and the server opens it after that, it is closed.
 *
 * @throws as `ask`; SftpError `EXISTS` where an exclusive OPEN found something
 */
export async function openHandle(
  group: RequestGroup,
  question: Extract<RequestBody, { type: 'open' }> | { type: 'opendir'; path: string },
  giveBack: (handle: Handle) => void,
): Promise<Handle> {
  const opening = ask(group, `open ${question.path}`, question, {
    expected: 'handle',
    onLate: ({ handle }) => giveBack(Buffer.from(handle)),
  });
  const isExclusive = question.type === 'open' && (question.flags & OPEN_FLAG.exclusive) !== 0;
  const { handle } = await (isExclusive ? orExists(group, question.path, opening) : opening);
  return Buffer.from(handle); // not a view: it outlives its packet
}

/**
 * What `work` gives. Version 3 has no status for "it exists already": where the server only says that it failed, it
 * is asked whether `path` is there.
 *
 * @throws SftpError `EXISTS`; what `work` throws
 */
export async function orExists<Result>(group: RequestGroup, path: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof SftpError) || error.code !== 'FAILED' || !(await isThere(group, path))) throw error;
    throw new SftpError('EXISTS', `there is already a ${path} on the server`, { cause: error });
  }
}

async function isThere(group: RequestGroup, path: string): Promise<boolean> {
  const question = { type: 'lstat', path } as const;
  const answer = await group.send((id) => encodeRequest({ id, ...question }), { expected: 'attributes' });
  return answer.failure === undefined;
}

/** Size and so on of an open file. @throws as `ask` */
export async function statHandle(group: RequestGroup, handle: Handle, path: string): Promise<Attributes> {
  const question = { type: 'fstat', handle } as const;
  return (await ask(group, `say how large ${path} is`, question, { expected: 'attributes' })).attributes;
}

function checkPaths(question: Question): void {
  if ('path' in question) checkPath(question.path);
  if ('from' in question) for (const path of [question.from, question.to]) checkPath(path);
}

function checkPath(path: string): void {
  if (path.includes('\0') || !path.isWellFormed()) {
    throw new SftpError('PATH', `${path} is no path: it holds a NUL, or half a character`, { hint: 'rename it' });
  }
  if (Buffer.byteLength(path) > MAX_PATH_LENGTH) {
    throw new SftpError('PATH', `a path is longer than ${MAX_PATH_LENGTH} bytes`, { hint: 'shorten it' });
  }
}
