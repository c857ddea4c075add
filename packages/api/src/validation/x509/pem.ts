export interface PemBlock {
  readonly type: string;
  readonly der: Uint8Array;
}

const begin = '-----BEGIN ';
const dashes = '-----';

function decoded(lines: readonly string[]): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(lines.join('').replaceAll(/\s/g, ''), { lastChunkHandling: 'strict' });
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The first block that can be read; text may stand around it. Looks at each line once. */
export function firstPemBlock(text: string): PemBlock | undefined {
  const lines = text.split('\n').map((line) => line.trimEnd());
  let at = 0;
  while (at < lines.length) {
    const head = lines[at++] as string;
    if (!head.startsWith(begin) || !head.endsWith(dashes)) continue;
    const type = head.slice(begin.length, -dashes.length);
    const from = at;
    while (at < lines.length && !(lines[at] as string).startsWith(dashes)) at += 1;
    const inside = lines.slice(from, at);
    const headers = inside.findIndex((line) => !line.includes(':'));
    const der = lines[at] === `-----END ${type}-----` ? decoded(inside.slice(headers < 0 ? inside.length : headers)) : undefined;
    if (der !== undefined) return { type, der };
  }
  return undefined;
}
