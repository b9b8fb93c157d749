// A few sessions with one server, shared by many files: each is opened when it is first needed, and anew once it is lost.
import type { Connection } from './connection.ts';

export interface Sessions {
  /** The next one in turn. Closing what it gives does nothing: they are closed together. */
  borrow(): Promise<Connection>;
  close(): Promise<void>;
}

/** @param open a new session; one at a time, so that a person is not asked twice at once */
export function openSessions(open: () => Promise<Connection>, count: number): Sessions {
  const slots: (Promise<Connection> | undefined)[] = Array.from({ length: count }, () => undefined);
  let turn = 0;
  let before: Promise<unknown> = Promise.resolve();

  function openIn(slot: number): Promise<Connection> {
    const opening = before.then(open);
    before = opening.catch(() => undefined);
    slots[slot] = opening;
    const forget = (): void => {
      if (slots[slot] === opening) slots[slot] = undefined;
    };
    opening.then((connection) => connection.onLost(forget), forget);
    return opening;
  }

  return {
    async borrow() {
      turn = (turn + 1) % count;
      const { sftp, drop, onLost } = await (slots[turn] ?? openIn(turn));
      return { sftp, drop, onLost, close: async () => undefined };
    },
    async close() {
      await Promise.all(slots.map(async (slot) => (await slot?.catch(() => undefined))?.close()));
    },
  };
}
