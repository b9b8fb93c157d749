// Worker thread: seals and opens single frames for the streams. Holds derived keys of open sessions only.
import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { reportError, SealError } from './error.ts';
import { type FrameKey, openFrameInPlace, plaintextOf, sealFrameInPlace } from './frame.ts';
import type { FrameReply, FrameRequest } from './frame-pool.ts';

interface Session {
  frameKey: FrameKey;
  /** Of the plaintext, while sealing. */
  hash: Hash | undefined;
}

const sessions = new Map<number, Session>();

function handle(request: FrameRequest): { result: Uint8Array | string | undefined; transfer: ArrayBuffer[] } {
  if (request.kind === 'begin') {
    const hash = request.hashed ? createHash('sha256') : undefined;
    sessions.set(request.session, { frameKey: request.frameKey, hash });
    return { result: undefined, transfer: [] };
  }
  const session = sessions.get(request.session);
  if (!session) throw new SealError('ABORTED', 'the session has ended');
  if (request.kind === 'end') {
    sessions.delete(request.session);
    return { result: session.hash?.digest('hex'), transfer: [] };
  }
  const { buffer } = request;
  if (request.kind === 'open') {
    const plaintext = openFrameInPlace(session.frameKey, buffer, request.place);
    return { result: plaintext, transfer: [plaintext.buffer as ArrayBuffer] };
  }
  session.hash?.update(plaintextOf(buffer));
  const frame = sealFrameInPlace(session.frameKey, buffer, request.sequence, request.final);
  return { result: frame, transfer: [frame.buffer as ArrayBuffer] };
}

parentPort?.on('message', (request: FrameRequest) => {
  try {
    const { result, transfer } = handle(request);
    parentPort?.postMessage({ id: request.id, result } satisfies FrameReply, transfer);
  } catch (error) {
    if (request.kind === 'seal' || request.kind === 'open') request.buffer.fill(0);
    parentPort?.postMessage({ id: request.id, error: reportError(error) } satisfies FrameReply);
  }
});
