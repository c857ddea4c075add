import * as dgram from 'node:dgram';
import * as net from 'node:net';
import { AsyncQueue } from '../async-queue.ts';
import type { Logger } from '../log.ts';
import { NetworkError, type ByteStream, type DatagramSocket, type Listener, type Network } from '../network.ts';
import { socketStream } from './byte-stream.ts';
import { connectChannel, HttpClient } from './http-client.ts';
import { serveHttp } from './http-server.ts';
import { toNetworkError } from './network-errors.ts';

function dial(address: string, port: number, options?: { readonly signal?: AbortSignal }): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    if (options?.signal?.aborted === true) { reject(new NetworkError('aborted', 'the dial was aborted')); return; }
    const socket = net.connect({ host: address, port, allowHalfOpen: true });
    const onAbort = (): void => { socket.destroy(new NetworkError('aborted', 'the dial was aborted')); };
    options?.signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('close', () => options?.signal?.removeEventListener('abort', onAbort));
    socket.once('error', (error) => reject(toNetworkError(error)));
    socket.once('connect', () => {
      socket.setNoDelay(true);
      resolve(socketStream(socket));
    });
  });
}

function serveStream(options: { readonly address: string; readonly port: number }, accept: (stream: ByteStream) => void): Promise<Omit<Listener, 'updateTls'>> {
  return new Promise((resolve, reject) => {
    const sockets = new Set<net.Socket>();
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      accept(socketStream(socket));
    });
    server.once('error', (error) => reject(toNetworkError(error)));
    server.listen({ host: options.address, port: options.port }, () => {
      const bound = server.address() as net.AddressInfo;
      resolve({
        address: bound.address, port: bound.port,
        close: (graceMs = 0) => new Promise((closed) => {
          const timer = setTimeout(() => { for (const socket of sockets) socket.destroy(); }, graceMs);
          server.close(() => { clearTimeout(timer); closed(); });
        }),
      });
    });
  });
}

function bindDatagram(options: { readonly address: string; readonly port: number }): Promise<DatagramSocket> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket({ type: net.isIPv6(options.address) ? 'udp6' : 'udp4' });
    const messages = new AsyncQueue<{ data: Uint8Array; address: string; port: number }>();
    socket.on('message', (data, from) => messages.push({ data, address: from.address, port: from.port }));
    socket.once('error', (error) => { reject(toNetworkError(error)); messages.fail(toNetworkError(error)); });
    socket.bind({ address: options.address, port: options.port }, () => {
      const bound = socket.address();
      resolve({
        address: bound.address, port: bound.port, messages,
        send: (data, address, port) => new Promise((sent, failed) => {
          socket.send(data, port, address, (error) => { if (error === null) sent(); else failed(toNetworkError(error)); });
        }),
        close: () => new Promise((closed) => { messages.end(); socket.close(() => closed()); }),
      });
    });
  });
}

export function createRealNetwork(log: Logger): Network {
  const client = new HttpClient();
  return {
    serveHttp: (options, handler) => serveHttp(options, handler, log),
    fetch: (request) => client.fetch(request),
    dial, connect: connectChannel, serveStream, bindDatagram,
  };
}
