import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { json } from 'node:stream/consumers';

/**
 * An extender as others write them: HTTPS, who calls must show a certificate, answers in small letters. Blue nodes only; the
 * one whose name ends in 2 is the best. Says on its standard output where it listens and what it was asked.
 */
interface Asked { readonly Pod: { readonly metadata: { readonly name: string } }; readonly Nodes: { readonly items: readonly { readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> } }[] } }

const [certFile = '', keyFile = '', caFile = ''] = process.argv.slice(2);

const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile), ca: readFileSync(caFile), requestCert: true, rejectUnauthorized: true }, (request, response) => {
  void json(request).then((body) => {
    const { Pod: { metadata: { name } }, Nodes: { items } } = body as Asked;
    process.stdout.write(`${request.url} ${name}\n`);
    const blue = items.filter(({ metadata }) => metadata.labels['color'] === 'blue');
    const answer = request.url === '/v1/filter'
      ? { nodes: { items: blue }, nodenames: null, failedNodes: Object.fromEntries(items.filter((item) => !blue.includes(item)).map((item) => [item.metadata.name, 'not blue'])), error: '' }
      : items.map(({ metadata }) => ({ host: metadata.name, score: metadata.name.endsWith('2') ? 10 : 0 }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
});

server.listen(0, '127.0.0.1', () => { process.stdout.write(`listening ${(server.address() as { readonly port: number }).port}\n`); });
