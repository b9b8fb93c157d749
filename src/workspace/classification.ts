// How sensitive a dataset is: an ordered scale.

/** From the least to the most sensitive. */
export const CLASSIFICATIONS = ['public', 'internal', 'confidential', 'restricted'] as const;

export type Classification = (typeof CLASSIFICATIONS)[number];

/** Negative where `a` is less sensitive than `b`, positive where it is more, 0 where they are the same. */
export function compareClassification(a: Classification, b: Classification): number {
  return CLASSIFICATIONS.indexOf(a) - CLASSIFICATIONS.indexOf(b);
}
