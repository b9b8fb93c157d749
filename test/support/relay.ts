// Standard input and output to and from the Unix socket that is named: so `sftp -D` reaches a server in the test.
import { connect } from 'node:net';

const socket = connect({ path: process.argv[2] ?? '', allowHalfOpen: true });
process.stdin.pipe(socket).pipe(process.stdout);
socket.on('error', () => process.exit(1));
// Whoever serves is done, or gone: what it said is passed on first.
socket.on('end', () => process.stdout.write('', () => process.exit()));
