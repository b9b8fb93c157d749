// Runs the sides of a comparison in turns and makes ratios of them.
import { median } from './measure.ts';

/** A side's seconds in each round. */
export type Rounds<Side extends string> = Record<Side, number[]>;

/**
 * Runs every side once in each round; the order turns from round to round, so that what disturbs the machine
 * disturbs all of them. `prepare` is called before each, and its time does not count.
 */
export async function alternate<Side extends string>(
  rounds: number,
  sides: Record<Side, () => unknown>,
  prepare: () => void = () => undefined,
): Promise<Rounds<Side>> {
  const names = Object.keys(sides) as Side[];
  const seconds = Object.fromEntries(names.map((name): [Side, number[]] => [name, []])) as Rounds<Side>;
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length];
      if (name === undefined) continue;
      prepare();
      const start = process.hrtime.bigint();
      await sides[name]();
      seconds[name].push(Number(process.hrtime.bigint() - start) / 1e9);
    }
  }
  return seconds;
}

export interface Ratio {
  /** The median of the rounds. */
  middle: number;
  lowest: number;
  highest: number;
}

/** Throughput of `ours` over that of `theirs`, which did the same amount of work, round by round. */
export function throughputRatio(ours: number[], theirs: number[]): Ratio {
  const each = ours.map((seconds, round) => (theirs[round] ?? Number.NaN) / seconds);
  return { middle: median(each), lowest: Math.min(...each), highest: Math.max(...each) };
}
