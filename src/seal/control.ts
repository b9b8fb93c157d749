// What a caller and its pipe worker share: a few words of shared memory, so that a worker inside
// synchronous calls can still be told to stop.

/** Int32 words of the shared memory. */
const STOP = 0;
const FINISH = 1;
/** The descriptor that the worker left open, plus 1; 0 for none. */
const DESCRIPTOR = 2;
const WORDS = 3;

export type Control = Int32Array<SharedArrayBuffer>;

/** New shared words, all zero. */
export function createControl(): Control {
  return new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));
}

/** Tells the worker to stop; wakes it where it waits. */
export function requestStop(control: Control): void {
  Atomics.store(control, STOP, 1);
  Atomics.notify(control, STOP);
}

export function isStopped(control: Control): boolean {
  return Atomics.load(control, STOP) === 1;
}

/** Sleeps in the worker until `milliseconds` passed or a stop was requested. */
export function waitForStop(control: Control, milliseconds: number): void {
  Atomics.wait(control, STOP, 0, milliseconds);
}

/** Tells the worker that its input is complete once read to the end. */
export function requestFinish(control: Control): void {
  Atomics.store(control, FINISH, 1);
}

export function isFinishing(control: Control): boolean {
  return Atomics.load(control, FINISH) === 1;
}

/** Records the descriptor that stays open for the caller to close. */
export function leaveOpen(control: Control, descriptor: number): void {
  Atomics.store(control, DESCRIPTOR, descriptor + 1);
}

/** Takes the descriptor that was left open, once. */
export function takeLeftOpen(control: Control): number | undefined {
  const value = Atomics.exchange(control, DESCRIPTOR, 0);
  return value === 0 ? undefined : value - 1;
}
