import { expect, test } from 'vitest';
import { makeMemoryBudget } from './memory-budget.ts';

test('memory is taken up to the limit, whole or not at all, and given back', () => {
  const memory = makeMemoryBudget(100);
  expect([memory.take(60), memory.take(41), memory.take(40), memory.take(1)]).toEqual([true, false, true, false]);
  memory.give(30);
  expect(memory.used).toBe(70);
  expect(memory.take(30)).toBe(true);
});

test('a smaller limit takes nothing away, and gives nothing until enough came back', () => {
  const memory = makeMemoryBudget(100);
  memory.take(80);
  memory.setLimit(50);
  expect({ limit: memory.limit, used: memory.used, more: memory.take(1) }).toEqual({
    limit: 50,
    used: 80,
    more: false,
  });
  memory.give(50);
  expect([memory.take(20), memory.take(1)]).toEqual([true, false]);
});
