// Our end of the engine's process: starts it, asks one thing at a time, ends it.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { decodeMessage, type EngineFailure, encodeMessage, type Reply, type Request } from './protocol.ts';
import { engineCommand, type Isolation } from './sandbox.ts';

/** The engine said no, or died. */
export class EngineFailureError extends Error {
  readonly failure: EngineFailure;
  constructor(failure: EngineFailure) {
    super(`the engine failed: ${failure.kind}`);
    this.failure = failure;
  }
}

export interface EngineProcess {
  isolation: Isolation;
  /** @throws EngineFailureError */
  ask(request: Request): Promise<Reply & { ok: true }>;
  /** Kills the process at once and waits for its end. Safe to call twice. */
  kill(): Promise<void>;
  /** The most memory that it has had, in bytes, as it last reported. */
  peakBytes(): number;
}

/** Starts the engine's process over the FIFO folder `folder`. */
export function startEngineProcess(folder: string): EngineProcess {
  const command = engineCommand(folder);
  // Its standard error is thrown away: native code may print values there (I1).
  const child = spawn(command.file, command.args, { stdio: ['pipe', 'pipe', 'ignore'], env: {}, cwd: '/' });
  let peak = 0;
  let waiting: { resolve: (reply: Reply & { ok: true }) => void; reject: (error: Error) => void } | undefined;
  const settle = (act: (pending: NonNullable<typeof waiting>) => void): void => {
    const pending = waiting;
    waiting = undefined;
    if (pending !== undefined) act(pending);
  };
  const ended = endOf(child).then((how) => {
    const failure: EngineFailure =
      how === 'SIGKILL' ? { kind: 'memory' } : { kind: 'engine', name: `process ended (${how})` };
    settle((pending) => pending.reject(new EngineFailureError(failure)));
  });
  createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
    const reply = parseReply(line);
    peak = Math.max(peak, reply.rssBytes);
    settle((pending) => (reply.ok ? pending.resolve(reply) : pending.reject(new EngineFailureError(reply.failure))));
  });
  child.stdin.on('error', () => child.kill('SIGKILL')); // it is gone: `ended` tells whoever waits
  return {
    isolation: command.isolation,
    ask(request) {
      return new Promise((resolve, reject) => {
        if (waiting !== undefined) reject(new Error('the engine is asked one thing at a time'));
        else if (child.exitCode !== null || child.signalCode !== null) {
          reject(new EngineFailureError({ kind: 'engine', name: 'process ended' }));
        } else {
          waiting = { resolve, reject };
          child.stdin.write(encodeMessage(request));
        }
      });
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    peakBytes: () => peak,
  };
}

function parseReply(line: string): Reply {
  try {
    const reply = decodeMessage(line);
    if (typeof reply === 'object' && reply !== null && 'ok' in reply && 'rssBytes' in reply) return reply as Reply;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { ok: false, failure: { kind: 'engine', name: 'unreadable answer' }, rssBytes: 0 };
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', () => resolve('could not be started'));
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
  });
}
