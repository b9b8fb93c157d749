// The uploads under way of all sessions of this process, and what is remembered of each user.
import type { ObjectInfo } from '../../vault/index.ts';
import type { MemoryBudget } from '../memory-budget.ts';
import { makeRooms, type RoomOptions, type Rooms } from './room.ts';
import type { Writing } from './writing.ts';

export interface DeskOptions extends RoomOptions {
  memory: MemoryBudget;
  /** Bytes of one upload that may wait for those before them. */
  reorderBytes: number;
}

export interface UploadDesk {
  readonly options: DeskOptions;
  configure(options: DeskOptions): void;
  /** Uploads that are open, by `liveKey`. */
  readonly live: Map<string, Writing>;
  readonly rooms: Rooms;
  /** What a user did lately, and nobody else may know. */
  of(user: string): UserMemory;
  /** Runs `work` after what was asked for the same upload before: sessions may open it at the same time. */
  inTurn<Result>(key: string, work: () => Promise<Result>): Promise<Result>;
  /** Lets go of all uploads, so that they can be resumed. */
  drain(): Promise<void>;
}

/** Names, as `DATASET/NAME`. */
export interface UserMemory {
  /** Folders that the user made, and in which there is nothing that would tell of them. */
  folders: Recent<true>;
  /** Objects that the user has just uploaded. */
  uploaded: Recent<ObjectInfo>;
  /** Sizes at which interrupted uploads can be resumed, by their ids and when they were last added to. */
  recoverable: Recent<number>;
}

/** What was remembered last. */
export interface Recent<Value> extends Pick<Map<string, Value>, 'get' | 'has' | 'delete' | 'keys'> {
  set(key: string, value: Value): void;
}

/** Of each user and kind; the oldest go first. */
const MOST_REMEMBERED = 2000;

export function openUploadDesk(first: DeskOptions): UploadDesk {
  let options = first;
  const live = new Map<string, Writing>();
  const memories = new Map<string, UserMemory>();
  const turns = new Map<string, Promise<unknown>>();
  return {
    get options() {
      return options;
    },
    configure(next) {
      options = next;
    },
    live,
    rooms: makeRooms(() => options),
    of(user) {
      const memory = memories.get(user) ?? { folders: recent(), uploaded: recent(), recoverable: recent() };
      memories.set(user, memory);
      return memory;
    },
    async inTurn(key, work) {
      const before = turns.get(key) ?? Promise.resolve();
      const running = before.then(work);
      const done = running.then(
        () => undefined,
        () => undefined,
      );
      turns.set(key, done);
      try {
        return await running;
      } finally {
        if (turns.get(key) === done) turns.delete(key);
      }
    },
    async drain() {
      // All of them, whatever becomes of one: what is not let go of here is recovered as after a crash.
      await Promise.allSettled([...live.values()].map((writing) => writing.abort()));
    },
  };
}

/** What is under way of a user, by name. */
export function liveKey(user: string, dataset: string, path: string): string {
  return `${user}\0${dataset}\0${path}`;
}

function recent<Value>(): Recent<Value> {
  const map = new Map<string, Value>();
  return {
    get: (key) => map.get(key),
    has: (key) => map.has(key),
    delete: (key) => map.delete(key),
    keys: () => map.keys(),
    set(key, value) {
      map.delete(key);
      map.set(key, value);
      const [oldest] = map.keys();
      if (map.size > MOST_REMEMBERED && oldest !== undefined) map.delete(oldest);
    },
  };
}
