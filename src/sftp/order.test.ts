import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { makeRandom } from '../../test/support/random.ts';
import { type Claim, makeOrder } from './order.ts';

/** Runs the claims, of which each ends when it is told to; gives the numbers of those that have begun. */
function start(claims: Claim[]) {
  const inOrder = makeOrder();
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const all = claims.map((claim, i) =>
    inOrder(claim, async () => {
      begun.push(i);
      await new Promise<void>((resolve) => {
        ends[i] = resolve;
      });
    }),
  );
  return { begun, end: (i: number) => ends[i]?.(), all };
}

const claim = (kind: Claim['kind'], ...paths: string[]): Claim => ({ kind, paths });

describe('order', () => {
  it.each([
    ['reads of one file', claim('read', '/a'), claim('read', '/a'), false],
    ['a read behind a change', claim('change', '/a'), claim('read', '/a'), true],
    ['a change behind a read', claim('read', '/a'), claim('change', '/a'), true],
    ['changes of two files', claim('change', '/a'), claim('change', '/ab'), false],
    ['a listing and a change in it', claim('change', '/d/a'), claim('read', '/d'), false],
    ['a file in a folder that is made', claim('tree', '/d'), claim('change', '/d/a'), true],
    ['a folder that is renamed while a file in it changes', claim('change', '/d/a'), claim('tree', '/d', '/e'), true],
    ['a file whose name only begins so', claim('tree', '/d'), claim('change', '/da'), false],
    ['what touches nothing', claim('tree', '/'), claim('read'), false],
  ])('%s', async (_, first, second, waits) => {
    const { begun, end, all } = start([first, second]);
    await turn();
    expect(begun).toEqual(waits ? [0] : [0, 1]);
    end(0);
    await turn();
    expect(begun).toEqual([0, 1]);
    end(1);
    await Promise.all(all);
  });

  it('goes on after a failure, and passes it to its own caller', async () => {
    const inOrder = makeOrder();
    const failing = inOrder(claim('change', '/a'), async () => Promise.reject(new Error('no')));
    const next = inOrder(claim('change', '/a'), async () => 'done');
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('done');
  });

  it('never lets two run together that are in order, nor out of turn, whatever comes', async () => {
    const random = makeRandom(11);
    const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)] as Value;
    const paths = ['/', '/a', '/a/b', '/a/b/c', '/ab', '/d'];
    const isBelowOrSame = (path: string, folder: string) =>
      path === folder || folder === '/' || path.startsWith(`${folder}/`);
    const collide = (x: Claim, y: Claim) =>
      x.paths.some((a) =>
        y.paths.some((b) => {
          if (a === b) return x.kind !== 'read' || y.kind !== 'read';
          return (x.kind === 'tree' && isBelowOrSame(b, a)) || (y.kind === 'tree' && isBelowOrSame(a, b));
        }),
      );
    const inOrder = makeOrder();
    const claims: Claim[] = [];
    const ended: boolean[] = [];
    let violations = 0;
    let together = 0;
    let running = 0;
    const all: Promise<void>[] = [];
    for (let i = 0; i < 3000; i += 1) {
      const next = claim(
        pick(['read', 'change', 'tree'] as const),
        pick(paths),
        ...(random() < 0.3 ? [pick(paths)] : []),
      );
      claims.push(next);
      ended.push(false);
      const done = inOrder(next, async () => {
        for (let before = Math.max(0, i - 200); before < i; before += 1) {
          if (ended[before] === false && collide(claims[before] as Claim, next)) violations += 1;
        }
        running += 1;
        together = Math.max(together, running);
        for (let turns = random() * 4; turns > 0; turns -= 1) await turn();
        running -= 1;
        ended[i] = true;
      });
      all.push(done);
      if (random() < 0.2) await turn();
      if (i % 60 === 59) await Promise.all(all.splice(0));
    }
    await Promise.all(all);
    expect({ violations, ended: ended.every(Boolean) }).toEqual({ violations: 0, ended: true });
    expect(together).toBeGreaterThan(1);
  });
});
