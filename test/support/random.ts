// Numbers that are the same in every run.

/** Numbers from 0 to 1 (a Lehmer generator, MINSTD). `seed`: from 1 to 2,147,483,646. */
export function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
