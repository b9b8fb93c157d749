// What the upload tests send: the same bytes for the same seed, in every process; full of canaries.

/** In every line of every source. */
export const UPLOAD_CANARY = 'CANARY-upload';

/** `size` bytes in which no two places look alike, and which differ by seed. */
export function uploadSource(seed: number, size: number): Buffer {
  const lines: string[] = [];
  for (let length = 0, count = 0; length < size; count += 1) {
    const line = `${UPLOAD_CANARY},${seed},${count}\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join('')).subarray(0, size);
}
