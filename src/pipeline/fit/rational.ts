// Exact arithmetic on doubles: fractions of big integers, rounded once at the end.

/** numerator / denominator; the denominator is positive. Not reduced. */
export interface Rational {
  numerator: bigint;
  denominator: bigint;
}

/** The fraction that a finite double stands for, exactly. */
export function fromDouble(value: number): Rational {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n);
  const shift = (exponent === 0 ? 1 : exponent) - 1075;
  const signed = bits >> 63n === 1n ? -mantissa : mantissa;
  return shift >= 0
    ? { numerator: signed << BigInt(shift), denominator: 1n }
    : { numerator: signed, denominator: 1n << BigInt(-shift) };
}

export const fromInteger = (value: bigint): Rational => ({ numerator: value, denominator: 1n });

export const add = (a: Rational, b: Rational): Rational => ({
  numerator: a.numerator * b.denominator + b.numerator * a.denominator,
  denominator: a.denominator * b.denominator,
});
export const subtract = (a: Rational, b: Rational): Rational => add(a, { ...b, numerator: -b.numerator });
export const multiply = (a: Rational, b: Rational): Rational => ({
  numerator: a.numerator * b.numerator,
  denominator: a.denominator * b.denominator,
});
/** a / n for a positive n. */
export const divideBy = (a: Rational, n: bigint): Rational => ({ ...a, denominator: a.denominator * n });

const bitLength = (value: bigint): number => value.toString(2).length;

/** The double nearest to the square root of the fraction, which is not negative. */
export function squareRoot({ numerator, denominator }: Rational): number {
  if (numerator <= 0n) return 0;
  // 2^(2 half) times the fraction has at least 140 bits, its root 70.
  const half = Math.max(0, Math.ceil((140 - bitLength(numerator) + bitLength(denominator)) / 2));
  const scaled = (numerator << BigInt(2 * half)) / denominator;
  const root = integerRoot(scaled);
  // Twice the root, its last bit set when something was cut off: see toDouble.
  const exact = root * root === scaled && scaled * denominator === numerator << BigInt(2 * half);
  return toDouble({ numerator: exact ? root << 1n : (root << 1n) | 1n, denominator: 1n << BigInt(half + 1) });
}

/** The greatest integer whose square is not greater (Newton's method from above). */
function integerRoot(value: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(bitLength(value) / 2));
  while (true) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** The double nearest to the fraction, ties to even. Subnormal results may be rounded twice. */
export function toDouble({ numerator, denominator }: Rational): number {
  if (numerator === 0n) return 0;
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  // A quotient of at least 66 bits, its last bit set when something was cut off: Number() then rounds as
  // if it saw all of it.
  const shift = Math.max(0, 66 - bitLength(magnitude) + bitLength(denominator));
  const scaled = magnitude << BigInt(shift);
  const quotient = scaled / denominator;
  const sticky = scaled % denominator === 0n ? quotient : quotient | 1n;
  let result = Number(sticky);
  // 2^shift may itself be beyond the range of a double.
  for (let left = shift; left > 0; left -= 1000) result /= 2 ** Math.min(left, 1000);
  return negative ? -result : result;
}
