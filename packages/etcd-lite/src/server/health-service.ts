import { EtcdError, grpcCode } from '../client/errors.ts';
import { Schema } from '../wire/codec.ts';
import { serverStream, unary, type Method, type StreamContext } from './methods.ts';

/** grpc.health.v1, as far as messages go. */
const schema = new Schema({
  nested: {
    HealthCheckRequest: { fields: { service: { type: 'string', id: 1 } } },
    HealthCheckResponse: { fields: { status: { type: 'uint32', id: 1 } } },
  },
});
const checkRequest = schema.codec<{ readonly service: string }>('HealthCheckRequest');
const checkResponse = schema.codec<{ readonly status: number }>('HealthCheckResponse');

const servingStatus = { serving: 1, notServing: 2, serviceUnknown: 3 } as const;

/** The empty name stands for the server as a whole; etcd registers no other. */
const wholeServer = '';

/** grpc.health.v1.Health: says that the server answers calls, not that the cluster has a leader (that is /readyz). */
export class HealthService {
  #serving = true;
  readonly #listeners = new Set<() => void>();

  methods(): Readonly<Record<string, Method>> {
    return {
      '/grpc.health.v1.Health/Check': unary(checkRequest, checkResponse, async ({ service }) => {
        if (service !== wholeServer) throw new EtcdError(grpcCode.notFound, 'unknown service');
        return { status: this.#status(service) };
      }),
      '/grpc.health.v1.Health/Watch': serverStream(checkRequest, ({ service }, context) => this.#watch(service, context)),
    };
  }

  #status(service: string): number {
    if (service !== wholeServer) return servingStatus.serviceUnknown;
    return this.#serving ? servingStatus.serving : servingStatus.notServing;
  }

  async *#watch(service: string, { signal }: StreamContext): AsyncGenerator<Uint8Array, void, undefined> {
    yield checkResponse.encode({ status: this.#status(service) });
    if (this.#serving) await this.#stopped(signal);
    if (!signal.aborted && service === wholeServer) yield checkResponse.encode({ status: this.#status(service) });
  }

  /** Resolves when the server stops or the client has gone. */
  #stopped(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#listeners.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#listeners.add(done);
      signal.addEventListener('abort', done);
      if (signal.aborted) done();
    });
  }

  stop(): void {
    this.#serving = false;
    for (const done of this.#listeners) done();
  }
}
