// Keeps account of every frame that was ever seen in a file, by key and IV: each must be the same whenever it is
// seen. A message has a key of its own, derived from its data key and its message id, so the id stands for it.
import { readHeader } from '../../src/seal/header.ts';
import { SealError } from '../../src/seal/index.ts';
import { FINAL_HEADER, FINAL_MARKER, FINAL_OVERHEAD, FRAME_OVERHEAD } from '../../src/seal/layout.ts';
import { sourceOf } from './seal.ts';

const IV_LENGTH = 12;

export interface FrameLedger {
  /**
   * Takes in a sealed file as it is at some moment, cut off anywhere. `name` stands for one message: another one
   * in a file of the same name, or the same in two, is a violation too.
   */
  add(name: string, sealed: Buffer): Promise<void>;
  /** Whole and torn frames, each counted once; and messages. */
  frames(): number;
  messages(): number;
  /** What must not be; empty while no key and IV were used twice. */
  violations: string[];
}

export function createLedger(): FrameLedger {
  const frames = new Map<string, Buffer>();
  const names = new Map<string, string>();
  const ids = new Map<string, string>();
  const violations: string[] = [];

  /** What was torn must be the beginning of what is whole. */
  const note = (place: string, bytes: Buffer): void => {
    const known = frames.get(place) ?? Buffer.alloc(0);
    const length = Math.min(known.byteLength, bytes.byteLength);
    if (!known.subarray(0, length).equals(bytes.subarray(0, length))) violations.push(`two frames with ${place}`);
    if (bytes.byteLength >= known.byteLength) frames.set(place, bytes);
  };

  return {
    violations,
    frames: () => frames.size - ids.size,
    messages: () => ids.size,
    async add(name, sealed) {
      const header = await readHeader(sourceOf(sealed)).catch((error: unknown) => {
        if (error instanceof SealError && error.code === 'TRUNCATED') return undefined;
        throw error;
      });
      if (header === undefined) return;
      const id = Buffer.from(header.info.messageHeader.messageId).toString('hex');
      if ((names.get(name) ?? id) !== id) violations.push(`two messages in ${name}`);
      if ((ids.get(id) ?? name) !== name) violations.push(`one message in ${name} and ${ids.get(id)}`);
      names.set(name, id);
      ids.set(id, name);
      // The header's tag is made with the same key: IV 0, which no frame has.
      note(`${id}/${'0'.repeat(2 * IV_LENGTH)}`, sealed.subarray(0, header.size));
      for (let at = header.size; at + FINAL_HEADER <= sealed.byteLength; ) {
        const final = sealed.readUInt32BE(at) === FINAL_MARKER;
        const length = final ? sealed.readUInt32BE(at + FINAL_HEADER - 4) : header.info.messageHeader.frameLength;
        const end = at + length + (final ? FINAL_OVERHEAD : FRAME_OVERHEAD);
        const ivAt = at + (final ? 8 : 4);
        note(`${id}/${sealed.toString('hex', ivAt, ivAt + IV_LENGTH)}`, sealed.subarray(at, end));
        at = end;
      }
    },
  };
}
