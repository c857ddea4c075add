/**
 * A program for the ends of a test's network, run inside a network namespace.
 * serve NAME PORT: answers HTTP and UDP with NAME and the client's address; prints `ready`.
 * get TIMES HOST PORT: prints a JSON list of [status or error code, name, client address as the server saw it].
 * udp HOST PORT: from one socket, sends a datagram for each line on stdin and prints the answer, or `none` after a second.
 */
import { createSocket } from 'node:dgram';
import { createServer, get } from 'node:http';
import { createInterface } from 'node:readline';

const [mode = '', first = '', second = '', third = ''] = process.argv.slice(2);

function serve(name: string, port: number): void {
  const udp = createSocket('udp4');
  udp.on('message', (_data, from) => udp.send(name, from.port, from.address));
  const http = createServer((request, response) => response.end(`${name} ${request.socket.remoteAddress?.replace('::ffff:', '')}`));
  udp.bind(port, () => http.listen(port, '0.0.0.0', () => console.log('ready')));
}

function fetchOnce(host: string, port: number): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const request = get({ host, port, path: '/', agent: false, timeout: 1000 }, (response) => {
      let text = '';
      response.on('data', (data: Buffer) => { text += data.toString(); });
      response.on('end', () => resolve([String(response.statusCode), ...text.split(' ')]));
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));
    request.on('error', (error: NodeJS.ErrnoException) => resolve([error.code ?? error.message]));
  });
}

async function fetchMany(times: number, host: string, port: number): Promise<void> {
  const results: (readonly string[])[] = [];
  for (let i = 0; i < times; i += 1) results.push(await fetchOnce(host, port));
  console.log(JSON.stringify(results));
}

function talk(host: string, port: number): void {
  const socket = createSocket('udp4');
  let timer: NodeJS.Timeout | undefined;
  const answer = (text: string): void => { clearTimeout(timer); console.log(text); };
  socket.on('message', (data) => answer(data.toString()));
  socket.on('error', () => undefined);
  createInterface({ input: process.stdin }).on('line', () => {
    timer = setTimeout(() => answer('none'), 1000);
    socket.send('?', port, host);
  }).on('close', () => process.exit(0));
}

if (mode === 'serve') serve(first, Number(second));
else if (mode === 'get') await fetchMany(Number(first), second, Number(third));
else talk(first, Number(second));
