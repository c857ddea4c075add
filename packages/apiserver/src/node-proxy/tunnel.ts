import { NetworkError, type ByteSource, type ByteStream } from '@coxswain/host';

async function pump(from: ByteSource, to: ByteStream): Promise<void> {
  for await (const chunk of from) await to.write(chunk);
  await to.end();
}

/**
 * Copies bytes both ways until both sides have ended, or until one breaks, which breaks the other. Back pressure is kept: a slow
 * reader slows the writer.
 */
export async function tunnel(a: ByteStream, b: ByteStream): Promise<void> {
  const breakBoth = (): void => { a.destroy(); b.destroy(); };
  const guarded = (promise: Promise<void>): Promise<void> => promise.catch((error: unknown) => {
    breakBoth();
    // A peer that went away is how such connections end.
    if (!(error instanceof NetworkError)) throw error;
  });
  try {
    await Promise.all([guarded(pump(a.readable, b)), guarded(pump(b.readable, a))]);
  } finally {
    breakBoth();
  }
}
