// Sends packets. Small ones that come together go together: each write is a packet of SSH, and a cipher call.
import type { Duplex } from 'node:stream';

export interface Output {
  /** Resolves once the channel has taken the packet. */
  send(packet: Buffer): Promise<void>;
  /** Ends the channel behind all that was sent; resolves once that is done. */
  end(): Promise<void>;
  /** From now on nothing waits for the other side any more: what waits already resolves. */
  giveUp(): void;
}

const SMALL = 4096;

/** @param channel whose errors somebody else listens to */
export function makeOutput(channel: Duplex): Output {
  const waiting = new Set<() => void>();
  let isGivenUp = false;
  let batch: Buffer[] = [];
  let flushed: Promise<void> | undefined;

  const untilDone = (begin: (done: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      const done = () => {
        waiting.delete(done);
        resolve();
      };
      waiting.add(done);
      begin(done);
      if (isGivenUp) done();
    });
  const write = (bytes: Buffer) => untilDone((done) => channel.write(bytes, done));

  function flush(): Promise<void> {
    const packets = batch;
    batch = [];
    flushed = undefined;
    return write(packets.length === 1 ? (packets[0] ?? Buffer.alloc(0)) : Buffer.concat(packets));
  }

  return {
    send(packet) {
      // Replies may overtake each other (draft-ietf-secsh-filexfer-02, section 6.1).
      if (packet.length > SMALL) return write(packet);
      batch.push(packet);
      flushed ??= new Promise<void>((resolve) => setImmediate(resolve)).then(flush);
      return flushed;
    },
    async end() {
      await flushed;
      await untilDone((done) => channel.end(done));
    },
    giveUp() {
      isGivenUp = true;
      for (const done of waiting) done();
    },
  };
}
