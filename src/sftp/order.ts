// Which requests wait for which: "requests referring to the same file must be processed in the order in which they
// were received" (draft-ietf-secsh-filexfer-02, section 6.1). All others run at the same time.
import { isBelow } from './paths.ts';

/** What a request touches. */
export interface Claim {
  /** As `resolvePath` gives them. */
  paths: string[];
  /** `read`: two of them do not disturb each other. `tree`: it changes what the paths below its own mean. */
  kind: 'read' | 'change' | 'tree';
}

/** Runs `work` after all earlier ones whose claims are in its way; resolves or rejects as it does. */
export type Order = <Result>(claim: Claim, work: () => Promise<Result>) => Promise<Result>;

interface Task {
  claim: Claim;
  done: Promise<unknown>;
}

/** An order of its own for one session. */
export function makeOrder(): Order {
  const underWay = new Set<Task>();
  return async (claim, work) => {
    const before = findObstacles([...underWay], claim);
    const running = before.length === 0 ? work() : Promise.all(before).then(work);
    const task: Task = { claim, done: running.catch(() => undefined) };
    underWay.add(task);
    try {
      return await running;
    } finally {
      underWay.delete(task);
    }
  };
}

function findObstacles(tasks: Task[], claim: Claim): Promise<unknown>[] {
  const obstacles: Promise<unknown>[] = [];
  for (const task of tasks.reverse()) {
    if (!areInOrder(task.claim, claim)) continue;
    obstacles.push(task.done);
    // That one waited for all that were in its way, and so for all that are in the way of this.
    if (coversAll(task.claim, claim)) break;
  }
  return obstacles;
}

function areInOrder(first: Claim, second: Claim): boolean {
  return first.paths.some((a) =>
    second.paths.some((b) => {
      if (a === b) return first.kind !== 'read' || second.kind !== 'read';
      return (first.kind === 'tree' && isBelow(b, a)) || (second.kind === 'tree' && isBelow(a, b));
    }),
  );
}

function coversAll(first: Claim, second: Claim): boolean {
  if (first.kind === 'read' || (second.kind === 'tree' && first.kind !== 'tree')) return false;
  return second.paths.every((path) => first.paths.includes(path));
}
