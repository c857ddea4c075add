export * from './channels.ts';
export * from './pipe.ts';
export * from './spdy.ts';
export * from './spdy-frames.ts';
export * from './translate.ts';
export * from './web-socket.ts';
export * from './web-socket-handshake.ts';
