// Two streams, such as standard input and output, as the one channel that SFTP runs over.
import { Duplex, type Readable, type Writable } from 'node:stream';

/**
 * What is read from `input` and written to `output`. Back pressure holds in both directions; an error of one, or
 * destroying the channel, destroys both. (`Duplex.from` does that too, at half the speed.)
 */
export function joinChannel(input: Readable, output: Writable): Duplex {
  const channel = new Duplex({
    read: () => input.resume(),
    write: (chunk, _encoding, done) => output.write(chunk, done),
    final: (done) => output.end(done),
    destroy(error, done) {
      input.destroy();
      output.destroy();
      done(error);
    },
  });
  input.on('data', (chunk: Buffer) => {
    if (!channel.push(chunk)) input.pause();
  });
  input.on('end', () => channel.push(null));
  for (const side of [input, output]) side.on('error', (error) => channel.destroy(error));
  input.on('close', () => {
    if (!input.readableEnded) channel.destroy();
  });
  output.on('close', () => {
    if (!output.writableFinished) channel.destroy();
  });
  return channel;
}
