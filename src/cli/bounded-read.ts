// Small files that a user names: read whole, and never more of them than expected.
import type { FileHandle } from 'node:fs/promises';

/** The first `most` bytes of what is open, in memory of their own; also of pipes, which have no size. */
export async function readAtMost(handle: FileHandle, most: number): Promise<Buffer> {
  const buffer = Buffer.alloc(most);
  let length = 0;
  while (length < most) {
    const { bytesRead } = await handle.read(buffer, length, most - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
