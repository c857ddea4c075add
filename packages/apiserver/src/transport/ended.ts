import { isPushSource, type ByteSource, type ByteStream, type HttpResponse, type PushSource } from '@coxswain/host';

type Ended = () => Promise<unknown> | undefined;

function untilEnd(source: ByteSource, ended: Ended): ByteSource {
  return {
    [Symbol.asyncIterator]: () => {
      const inner = source[Symbol.asyncIterator]();
      return {
        next: async () => {
          const item = await inner.next().catch(async (error: unknown) => {
            await ended();
            throw error;
          });
          if (item.done === true) await ended();
          return item;
        },
        return: async () => {
          await inner.return?.();
          await ended();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** Pushed chunks go past as they are. */
function untilStopped(source: PushSource, ended: Ended): PushSource {
  return {
    ...untilEnd(source, ended),
    start: (sink) => source.start({
      wire: sink.wire,
      write: (data) => sink.write(data),
      end: () => {
        void ended();
        sink.end();
      },
    }),
    drained: () => source.drained(),
    stop: () => {
      source.stop();
      void ended();
    },
  };
}

function untilClosed(stream: ByteStream, ended: Ended): ByteStream {
  return {
    peer: stream.peer, readable: untilEnd(stream.readable, ended), write: (data) => stream.write(data), end: () => stream.end(),
    destroy: () => {
      stream.destroy();
      void ended();
    },
  };
}

export function isStreamed({ body, upgrade }: HttpResponse): boolean {
  return upgrade !== undefined || (body !== undefined && !(body instanceof Uint8Array));
}

/** A streamed response that tells, once, when its last byte has gone or its client has. Others come back as they are. */
export function whenEnded(response: HttpResponse, ended: () => Promise<unknown> | undefined): HttpResponse {
  const { body, upgrade } = response;
  let done: Promise<unknown> | undefined;
  let told = false;
  const once: Ended = () => {
    if (!told) done = ended();
    told = true;
    return done;
  };
  if (upgrade !== undefined) return { ...response, upgrade: (stream) => upgrade(untilClosed(stream, once)) };
  return body === undefined || body instanceof Uint8Array ? response : { ...response, body: isPushSource(body) ? untilStopped(body, once) : untilEnd(body, once) };
}
