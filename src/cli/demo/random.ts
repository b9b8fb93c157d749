// Repeatable pseudo-random numbers for made-up data. Not for secrets.

/**
 * A generator of unsigned 32-bit numbers, the same sequence for the same seed on every machine.
 * Algorithm: xoshiro128** 1.1 (Blackman and Vigna, 2018), its state filled by `mix` from the seed.
 */
export function makeRandom(seed: number): () => number {
  let a = mix(seed);
  let b = mix(a + 1);
  let c = mix(b + 2);
  let d = mix(c + 3) | 1; // the state must not be all zeros
  return () => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result >>> 0;
  };
}

/** A well-mixed unsigned 32-bit number for each whole number (finalizer of MurmurHash3, Appleby, 2011). */
export function mix(value: number): number {
  let h = (value + 0x9e3779b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
