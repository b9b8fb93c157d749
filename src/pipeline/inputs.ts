// A run's inputs: pinned raw objects with their headers read, ready to be fed to an engine.
import { constants, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { PinnedObject } from '../vault/index.ts';
import type { PassInput } from './engines/duckdb/feeds.ts';
import { PipelineError } from './error.ts';
import { type CsvForm, HEAD_BYTES, readHeader } from './header.ts';

type Compression = 'none' | 'gzip' | 'zstd';

const LINE_FEED = 10;

/** How an object is packed, by its name's ending: `.gz`, `.zst`, else not at all. */
function compressionOf(path: string): Compression {
  if (path.endsWith('.gz')) return 'gzip';
  return path.endsWith('.zst') ? 'zstd' : 'none';
}

export interface PreparedInputs {
  inputs: PassInput[];
  headers: { object: string; columns: string[] }[];
  /** About how long a row is, by the first rows of each object; undefined where objects are packed. */
  bytesPerRow: number | undefined;
}

/**
 * Reads each object's header and makes it ready to be fed. An object without rows is left out of the
 * passes; its header is checked like the others'.
 *
 * @throws PipelineError `COLUMN` (empty, wrong encoding, not compressed as its name says); SealError
 */
export async function prepareInputs(objects: PinnedObject[], form: CsvForm): Promise<PreparedInputs> {
  const inputs: PassInput[] = [];
  const headers: { object: string; columns: string[] }[] = [];
  const sample = { bytes: 0, rows: 0 };
  for (const object of objects) {
    const { path, size } = object.info;
    const compression = compressionOf(path);
    const head = unpack(await object.head(HEAD_BYTES), compression, path);
    const header = readHeader(head, form, path);
    headers.push({ object: path, columns: header.columns });
    if (!header.hasRows) continue;
    sample.bytes += head.length - header.bytes;
    sample.rows += head.subarray(header.bytes).filter((byte) => byte === LINE_FEED).length;
    inputs.push({
      name: path,
      header: header.columns,
      headerLines: header.lines,
      feed(pipe, onBytes) {
        let seen = 0;
        const onProgress = ({ read }: { read: number }): void => {
          onBytes(read - seen);
          seen = read;
        };
        return object
          .feed({ path: pipe, skipBytes: header.bytes, compression, endWithNewline: true, onProgress })
          .then((feed) => {
            const done = feed.done.then((result) => {
              if (!result.endedEarly) onBytes(size - seen);
              return result;
            });
            done.catch(() => undefined); // the engine's pass awaits it
            return { ...feed, done };
          });
      },
    });
  }
  const isPacked = objects.some(({ info }) => compressionOf(info.path) !== 'none');
  return { inputs, headers, bytesPerRow: isPacked || sample.rows === 0 ? undefined : sample.bytes / sample.rows };
}

/** As much plaintext as the first bytes of a packed object hold. */
function unpack(head: Buffer, compression: Compression, path: string): Buffer {
  if (compression === 'none' || head.length === 0) return head;
  try {
    // The head is cut anywhere: what is whole of it is enough. The bound holds against bombs.
    const unpacked =
      compression === 'gzip'
        ? gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 512 * HEAD_BYTES })
        : zstdDecompressSync(head, { finishFlush: constants.ZSTD_e_flush, maxOutputLength: 512 * HEAD_BYTES });
    return unpacked.subarray(0, HEAD_BYTES);
  } catch (error) {
    throw new PipelineError('COLUMN', `${path} is not ${compression}, as its name says`, {
      hint: 'rename it, or put it again whole',
      cause: error,
    });
  }
}
