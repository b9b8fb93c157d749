// Feeds the objects of one pass into their FIFOs, in order, a few ahead of the reader.

/** Sealed bytes on their way into a FIFO. */
export interface Feed {
  /** Rejects with the reason when the object does not verify; the FIFO stays open until `release`. */
  done: Promise<{ bytes: number; endedEarly: boolean }>;
  /** Lets the FIFO go. After a failure: only once its reader is dead, or the end would look clean (I2). */
  release(): void;
  /** Stops waiting for a reader, or feeding. */
  cancel(): void;
}

/** One raw object, as a pass needs it. */
export interface PassInput {
  /** The object's name in its dataset, for messages. */
  name: string;
  header: string[];
  /** Lines of the file that come before its first data row. */
  headerLines: number;
  /** Starts feeding the rows after the header into the FIFO at `pipe`. */
  feed(pipe: string, onBytes: (bytes: number) => void): Promise<Feed>;
}

export interface RunningFeeds {
  /** Rejects when an object cannot be fed; never resolves. */
  failed: Promise<never>;
  /** Waits until every object has been read to its end; with `early`, stops what is still under way. */
  finish(early: boolean): Promise<void>;
  /** Ends everything; call once the reader is dead. */
  stop(): Promise<void>;
}

/** Starts feeding `inputs` into `pipes`, at most `ahead` at once. */
export function startFeeds(
  inputs: PassInput[],
  pipes: string[],
  ahead: number,
  onBytes: (bytes: number) => void,
): RunningFeeds {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined); // whoever runs the pass listens; nobody need
  const allDone = Promise.withResolvers<void>();
  const open = new Set<Feed>();
  const tasks = new Set<Promise<void>>();
  let next = 0;
  let stopped = false;
  let cutShort = false;

  const feedOne = async (index: number): Promise<void> => {
    const feed = await (inputs[index] as PassInput).feed(pipes[index] as string, onBytes);
    open.add(feed);
    if (stopped) feed.cancel();
    const { endedEarly } = await feed.done;
    open.delete(feed);
    feed.release();
    cutShort ||= endedEarly;
  };
  const startNext = (): void => {
    while (!stopped && tasks.size < ahead && next < inputs.length) {
      const task = feedOne(next++).then(
        () => {
          tasks.delete(task);
          startNext();
        },
        (error: unknown) => {
          if (!stopped) failed.reject(error);
        },
      );
      tasks.add(task);
    }
    if (tasks.size === 0 && next >= inputs.length) allDone.resolve();
  };
  startNext();

  const stop = async (): Promise<void> => {
    stopped = true;
    for (const feed of open) feed.cancel();
    // A feed that failed has left its pipe open for us to close.
    await Promise.all(tasks);
    for (const feed of open) feed.release();
  };
  return {
    failed: failed.promise,
    stop,
    async finish(early) {
      if (early) return stop();
      await Promise.race([allDone.promise, failed.promise]);
      // A reader that stops without an error has not seen the whole object: nothing may rest on it (I2).
      if (cutShort) throw new Error('the engine stopped reading before the end');
    },
  };
}
