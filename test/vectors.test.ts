// Known-answer tests: each message of test/vectors/messages through every way of opening, each with the answer
// that the vector states. What comes out on the way is checked too (open-ways.ts).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cutInto,
  type Opening,
  type Range,
  throughChunks,
  throughFile,
  throughInspect,
  throughPipe,
  throughRange,
  throughStream,
  throughVerify,
  WAYS,
} from './support/open-ways.ts';
import { openingOf, readKeys, readVectors } from './support/vectors.ts';
import { makeWorkbench, type Workbench } from './support/workbench.ts';

/** Lengths of chunks: whole frames, one byte, and such that no frame or field begins where a chunk does. */
const CHUNKINGS = [[1 << 20], [96], [1], [3, 50, 1, 700, 13]];

const classes = readVectors();
const keys = readKeys();
let bench: Workbench;
beforeAll(async () => {
  bench = await makeWorkbench();
});
afterAll(() => bench.close());

/** Ranges at the start, at the end, over the boundary of frames of 64 bytes, empty, behind the end. */
function rangesOf({ plaintext: { byteLength: size } }: Opening): Range[] {
  return [
    [0, 1],
    [0, size],
    [60, 8],
    [size >> 1, 70],
    [Math.max(0, size - 1), 100],
    [size, 5],
    [3, 0],
    [size + 1, 1],
  ];
}

for (const { class: name, vectors } of classes) {
  describe(name, () => {
    it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', async (_, vector) => {
      const opening = openingOf(vector, keys);
      const { message } = opening;
      expect({
        inspect: await throughInspect(opening),
        stream: await throughStream(opening),
        chunks: await throughChunks(opening),
        range: await throughRange(opening, rangesOf(opening)),
        file: await throughFile(opening, bench, 1),
        verify: await throughVerify(opening),
        pipe: await throughPipe(opening, bench),
      }).toEqual(vector.expect);
      for (const lengths of CHUNKINGS) {
        expect(await throughChunks(opening, cutInto(message, lengths)), `chunks of ${lengths}`).toBe(
          vector.expect.chunks,
        );
      }
      expect(await throughFile(opening, bench, 4), 'four threads').toBe(vector.expect.file);
      expect(await throughVerify(opening, bench), 'verify with a descriptor').toBe(vector.expect.verify);
    });
  });
}

it('each vector has a name of its own, and says why where its ways differ', () => {
  const all = classes.flatMap(({ vectors }) => vectors);
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  for (const { name, expect: answers, difference } of all) {
    const withKey = WAYS.filter((way) => way !== 'inspect').map((way) => answers[way]);
    expect([name, difference !== undefined]).toEqual([name, new Set(withKey).size > 1]);
  }
});
