// The door of seal/: the message format. Data at rest goes through vault/; cli/ uses it for files outside a workspace.
export { SealError, type SealErrorCode } from './error.ts';
export {
  digestFile,
  type FileSettings,
  type OpenFile,
  openFile,
  sealFile,
  type VerifiedSummary,
  verify,
} from './files.ts';
export { releaseAll, wipeAll } from './frame.ts';
export { inspect } from './inspect.ts';
export type { Compression, Progress } from './job.ts';
export { MAX_FRAME_LENGTH, MAX_THREADS, MAX_WRAPPED_KEYS } from './limits.ts';
export { type OpenedChunks, openChunks } from './open-chunks.ts';
export { type OpeningPipe, openToPipe, type PipeTarget } from './open-pipe.ts';
export { type OpenedMessage, openMessage } from './open-range.ts';
export { openStream } from './open-stream.ts';

export { type FileTarget, type SealedPipe, type SealingPipe, sealFromPipe } from './seal-pipe.ts';
export { sealStream } from './seal-stream.ts';
export { inspectSegment, type OpenedSegment, openSegment, type SegmentExtent } from './segment-reader.ts';
export { beginSegment, type SegmentSink, type SegmentWriter } from './segment-writer.ts';
export type {
  EncryptionContext,
  Inspection,
  OpenedStream,
  OpenOptions,
  SealedSource,
  SealedSummary,
  SealingStream,
  SealOptions,
} from './types.ts';
