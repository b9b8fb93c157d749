// Takes and gives back a lock without end, and tells when it was not alone. `node lock-child.ts FOLDER`
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withProcessLock } from '../../src/lib/index.ts';

const [folder = ''] = process.argv.slice(2);
const marker = join(folder, 'inside');

for (;;) {
  await withProcessLock(join(folder, 'lock'), async () => {
    // A marker that is here already is that of a process that was killed while it held the lock.
    const before = read();
    if (before !== '' && isRunning(Number(before))) process.stdout.write(`overlap with ${before}\n`);
    writeFileSync(marker, `${process.pid}`);
    await sleep(Math.random() * 2);
    if (read() !== `${process.pid}`) process.stdout.write('overlap\n');
    rmSync(marker);
  });
  process.stdout.write('.');
}

function read(): string {
  try {
    return readFileSync(marker, 'utf8');
  } catch {
    return '';
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
