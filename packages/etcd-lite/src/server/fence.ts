import { etcdError } from '../client/errors.ts';
import type { Method, StreamContext } from './methods.ts';

/** What touches data. Maintenance and Cluster stay open: they are the way out. */
const fencedServices = ['/etcdserverpb.KV/', '/etcdserverpb.Watch/', '/etcdserverpb.Lease/', '/v3lockpb.Lock/', '/v3electionpb.Election/'];

/** The same methods, refused with etcd's "corrupt cluster" while `fenced`; in a stream with its next request. */
export function fenceOff(methods: Readonly<Record<string, Method>>, fenced: () => boolean): Readonly<Record<string, Method>> {
  const check = (): void => { if (fenced()) throw etcdError('corrupt'); };
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, fencedServices.some((service) => name.startsWith(service)) ? guarded(method, check) : method]));
}

function guarded(method: Method, check: () => void): Method {
  if (method.kind === 'unary') {
    return { ...method, handle: async (request, call) => {
      check();
      const answer = await method.handle(request, call);
      // It may have been found out meanwhile.
      check();
      return answer;
    } };
  }
  return { ...method, handle: (context: StreamContext) => method.handle({ ...context, requests: checked(context.requests, check) }) };
}

async function* checked(requests: AsyncIterable<Uint8Array>, check: () => void): AsyncGenerator<Uint8Array, void, undefined> {
  check();
  for await (const request of requests) {
    check();
    yield request;
  }
}
