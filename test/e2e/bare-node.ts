// What Node itself takes, and the stripping of types from a first file: `{"peak": bytes}` on standard error.
import { readFileSync } from 'node:fs';

setTimeout(() => {
  const peak = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  process.stderr.write(`${JSON.stringify({ peak })}\n`);
}, 300);
