// Who is let in, and who is kept out for a while.
import { describe, expect, test } from 'vitest';
import { makeGuests } from './guests.ts';
import type { SshLimits } from './types.ts';

const LIMITS: SshLimits = {
  connections: 4,
  connectionsPerAddress: 2,
  connectionsPerUser: 1,
  unauthenticated: 3,
  loginGrace: 1000,
  attempts: 3,
  idle: 1000,
  rekeyBytes: 1000,
  rekeyTime: 1000,
  banAfter: 3,
  banTime: 1000,
  exempt: ['127.0.0.0/8', '::1/128'],
};

function guests(limits: Partial<SshLimits> = {}) {
  let time = 1_000_000;
  const made = makeGuests(
    () => ({ ...LIMITS, ...limits }),
    () => time,
  );
  return {
    ...made,
    wait(milliseconds: number) {
      time += milliseconds;
    },
  };
}

describe('connections', () => {
  test('are limited in all, by address, by user, and before the log-in', () => {
    const { admit, logIn, leave, count } = guests();
    expect(admit('192.0.2.1')).toBeUndefined();
    expect(admit('192.0.2.1')).toBeUndefined();
    expect(admit('192.0.2.1')).toBe('there are too many connections of this address');
    expect(admit('192.0.2.2')).toBeUndefined();
    expect(admit('192.0.2.3')).toBe('too many connections have not logged in yet');
    expect(logIn('acme')).toBeUndefined();
    expect(logIn('acme')).toBe('there are too many connections of this user');
    expect(admit('192.0.2.3')).toBeUndefined();
    expect(logIn('other')).toBeUndefined();
    expect(admit('192.0.2.4')).toBe('there are too many connections');
    expect(count()).toBe(4);
    leave('192.0.2.1', 'acme');
    expect(admit('192.0.2.1')).toBeUndefined();
    expect(logIn('acme')).toBeUndefined();
  });

  test('of one network of IPv6 are of one address', () => {
    const { admit } = guests();
    expect(admit('2001:db8:1:2::5')).toBeUndefined();
    expect(admit('2001:db8:1:2:aaaa::6')).toBeUndefined();
    expect(admit('2001:db8:1:2:bbbb::7')).toBe('there are too many connections of this address');
    expect(admit('2001:db8:1:3::5')).toBeUndefined();
  });

  test('from exempt addresses are not counted by address', () => {
    const { admit } = guests();
    for (let each = 0; each < 3; each++) expect(admit('::ffff:127.0.0.1')).toBeUndefined();
  });
});

describe('failures', () => {
  test('ban an address, twice as long each time, and are forgotten', () => {
    const { admit, fail, wait, leave } = guests();
    const failures = (count: number) => Array.from({ length: count }, () => fail('192.0.2.1'));
    expect(failures(3)).toEqual([undefined, undefined, 1000]);
    expect(admit('192.0.2.1')).toBe('the address is banned for a while');
    expect(admit('192.0.2.2')).toBeUndefined();
    wait(1001);
    expect(admit('192.0.2.1')).toBeUndefined();
    leave('192.0.2.1', undefined);
    expect(failures(3)).toEqual([undefined, undefined, 2000]);
    wait(1_000_000);
    expect(failures(3)).toEqual([undefined, undefined, 1000]);
  });

  test('of exempt addresses ban nobody', () => {
    const { fail } = guests();
    for (let each = 0; each < 10; each++) expect(fail('127.0.0.1')).toBeUndefined();
  });
});
