// DATASET[@VERSION][/PATH]: the same in every command and URL.
import { VaultError } from './error.ts';

export interface Address {
  dataset: string;
  /** A version of a derived dataset; absent means `latest`. */
  version?: string;
  /** The object's name in the dataset; absent means the dataset itself. */
  path?: string;
}

const FORM = /^([^@/]+)(?:@([^/]+))?(?:\/(.*))?$/s;

/** Reads an address. @throws VaultError `ADDRESS` */
export function parseAddress(text: string): Address {
  const match = FORM.exec(text);
  if (match?.[1] === undefined || !/^[a-z][a-z0-9-]{0,62}$/.test(match[1])) {
    throw new VaultError('ADDRESS', `not an address: ${JSON.stringify(text)}`, {
      hint: 'write DATASET, DATASET/PATH or DATASET@VERSION/PATH',
    });
  }
  const [, dataset, version, path] = match;
  if (version !== undefined && !isVersion(version)) {
    throw new VaultError('ADDRESS', `not a version: ${JSON.stringify(version)}`, {
      hint: 'versions are listed by: glovebox runs',
    });
  }
  return {
    dataset,
    ...(version === undefined || version === 'latest' ? {} : { version }),
    ...(path === undefined || path === '' ? {} : { path }),
  };
}

/** Whether `text` can name a version: `latest`, or a run's id. */
export function isVersion(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(text);
}

/** The address as users write it. */
export function formatAddress({ dataset, version, path }: Address): string {
  return `${dataset}${version === undefined ? '' : `@${version}`}${path === undefined ? '' : `/${path}`}`;
}

/** Whether `name` matches a glob: `*` and `?` do not cross `/`, `**` does. */
export function matchesGlob(name: string, glob: string): boolean {
  // Linear time: a dynamic programme over positions, no backtracking on hostile names.
  let states = new Set([0]);
  const close = (positions: Set<number>): Set<number> => {
    for (const at of positions) {
      if (glob[at] === '*') positions.add(glob.startsWith('**', at) ? at + 2 : at + 1);
    }
    return positions;
  };
  close(states);
  for (const character of name) {
    const next = new Set<number>();
    for (const at of states) {
      const expected = glob[at];
      if (expected === '*') {
        if (character !== '/' || glob.startsWith('**', at)) next.add(at);
      } else if (expected === '?' ? character !== '/' : expected === character) next.add(at + 1);
    }
    states = close(next);
  }
  return states.has(glob.length);
}
