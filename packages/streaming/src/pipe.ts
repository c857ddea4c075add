import type { ByteStream } from '@coxswain/host';

async function oneWay(from: ByteStream, to: ByteStream): Promise<void> {
  for await (const chunk of from.readable) await to.write(chunk);
  await to.end();
}

/**
 * Joins two connections until both directions have ended. Each half-close is passed on; a break of one side breaks the
 * other at once, and is rejected with after both are gone.
 */
export async function pipeStreams(a: ByteStream, b: ByteStream): Promise<void> {
  try {
    await Promise.all([oneWay(a, b), oneWay(b, a)]);
  } finally {
    a.destroy();
    b.destroy();
  }
}
