// Many jobs, some at once.

/** Runs `work` on all, `count` at once. The first failure keeps the others from beginning, and is thrown in the end. */
export async function eachOf<Item>(
  items: Iterable<Item>,
  count: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  let isOver = false;
  const results = await Promise.allSettled(
    Array.from({ length: count }, async () => {
      for (let next = left.next(); !isOver && next.done !== true; next = left.next()) {
        try {
          await work(next.value);
        } catch (error) {
          isOver = true;
          throw error;
        }
      }
    }),
  );
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}
