// Who is connected from where, and who is kept out for a while.
import { isInRanges } from './authorize.ts';
import type { SshLimits } from './types.ts';

export interface Guests {
  /** Why nobody from this address is let in now; undefined where one is, who is counted from then on. */
  admit(address: string): string | undefined;
  /** One who was admitted has logged in. @returns why that user may not have one more connection */
  logIn(user: string): string | undefined;
  leave(address: string, user: string | undefined): void;
  /** Counts a failure. @returns for how many milliseconds the address is banned, if it is from now on */
  fail(address: string): number | undefined;
  /** Connections that are open. */
  count(): number;
}

/** Addresses about which something is remembered, at most; those heard of longest ago are forgotten. */
const REMEMBERED = 10_000;
/** A ban is doubled up to this many times. */
const MOST_DOUBLINGS = 10;
/** Failures are forgotten this long after the last, in times of a ban. */
const FORGET_AFTER_BANS = 20;

interface Failures {
  count: number;
  bans: number;
  until: number;
  last: number;
}

/** @param limits as they are now @param now milliseconds; the clock by default */
export function makeGuests(limits: () => SshLimits, now: () => number = Date.now): Guests {
  const byAddress = new Map<string, number>();
  const byUser = new Map<string, number>();
  const failures = new Map<string, Failures>();
  let connections = 0;
  let loggedIn = 0;

  const isExempt = (address: string) => isInRanges(address, limits().exempt);
  // One who has a network of IPv6 has 2^64 addresses.
  const placeOf = (address: string) =>
    address.includes(':') && !address.includes('.') ? expand(address).slice(0, 4).join(':') : address;

  return {
    admit(address) {
      const { connections: most, connectionsPerAddress, unauthenticated } = limits();
      const place = placeOf(address);
      if (connections >= most) return 'there are too many connections';
      if (connections - loggedIn >= unauthenticated) return 'too many connections have not logged in yet';
      if (!isExempt(address)) {
        if ((byAddress.get(place) ?? 0) >= connectionsPerAddress)
          return 'there are too many connections of this address';
        if ((failures.get(place)?.until ?? 0) > now()) return 'the address is banned for a while';
      }
      connections += 1;
      byAddress.set(place, (byAddress.get(place) ?? 0) + 1);
      return undefined;
    },
    logIn(user) {
      const count = byUser.get(user) ?? 0;
      if (count >= limits().connectionsPerUser) return 'there are too many connections of this user';
      byUser.set(user, count + 1);
      loggedIn += 1;
      return undefined;
    },
    leave(address, user) {
      connections -= 1;
      decrement(byAddress, placeOf(address));
      if (user === undefined) return;
      loggedIn -= 1;
      decrement(byUser, user);
    },
    fail(address) {
      if (isExempt(address)) return undefined;
      const { banAfter, banTime } = limits();
      const place = placeOf(address);
      const known = failures.get(place);
      const isFresh = known === undefined || now() - known.last > banTime * FORGET_AFTER_BANS * 2 ** known.bans;
      const state = isFresh ? { count: 0, bans: 0, until: 0, last: 0 } : known;
      failures.delete(place);
      failures.set(place, state);
      state.count += 1;
      state.last = now();
      const [oldest] = failures.keys();
      if (failures.size > REMEMBERED && oldest !== undefined) failures.delete(oldest);
      if (state.count < banAfter) return undefined;
      const time = banTime * 2 ** Math.min(state.bans, MOST_DOUBLINGS);
      state.count = 0;
      state.bans += 1;
      state.until = now() + time;
      return time;
    },
    count: () => connections,
  };
}

function decrement(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 1) - 1;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}

/** The eight groups of an IPv6 address. */
function expand(address: string): string[] {
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const before = head.split(':').filter(Boolean);
  const after = (tail ?? '').split(':').filter(Boolean);
  const middle = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  return [...before, ...middle, ...after];
}
