// Ends by nothing but SIGKILL. Whoever listens on the port sees whether it lives.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';

const [port, child] = process.argv.slice(2);
process.on('SIGTERM', () => undefined);
if (child !== undefined) spawn(process.execPath, [process.argv[1], port], { stdio: 'ignore' });
connect(Number(port), '127.0.0.1');
setInterval(() => undefined, 1000);
