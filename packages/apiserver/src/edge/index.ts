export { serveApiServer, type ServeAt, type ServedApiServer } from './serve.ts';
