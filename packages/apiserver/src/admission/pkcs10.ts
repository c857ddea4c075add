import { fromUtf8 } from '@coxswain/host';

/** What a certificate request asks to be called. */
export interface RequestSubject {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

const sequence = 0x30;
const set = 0x31;
const commonNameId = '550403';
const organizationId = '55040a';

/** One element of DER after the other; throws where lengths lie. */
function* elements(data: Uint8Array): Generator<Element> {
  let at = 0;
  while (at < data.length) {
    const tag = data[at] as number;
    const first = data[at + 1];
    if (first === undefined) throw new Error('asn1: truncated element');
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (lengthBytes > 4 || (first >= 0x80 && lengthBytes === 0)) throw new Error('asn1: bad length');
    let length = first < 0x80 ? first : 0;
    for (let i = 0; i < lengthBytes; i += 1) length = length * 256 + (data[at + 2 + i] ?? 0);
    const start = at + 2 + lengthBytes;
    if (start + length > data.length) throw new Error('asn1: element beyond its container');
    yield { tag, content: data.subarray(start, start + length) };
    at = start + length;
  }
}

function inside(element: Element | undefined, tag: number): Element[] {
  if (element?.tag !== tag) throw new Error('asn1: unexpected element');
  return [...elements(element.content)];
}

/** BMPString and UniversalString have two and four bytes a character; all others one or UTF-8. */
function textOf({ tag, content }: Element): string {
  const width = tag === 0x1e ? 2 : tag === 0x1c ? 4 : 0;
  if (width === 0) return fromUtf8(content);
  let out = '';
  for (let at = 0; at + width <= content.length; at += width) out += String.fromCodePoint(content.subarray(at, at + width).reduce((code, byte) => code * 256 + byte, 0) % 0x110000);
  return out;
}

function* attributes(subject: Element | undefined): Generator<readonly [id: string, value: string]> {
  for (const relative of inside(subject, sequence)) {
    for (const pair of inside(relative, set)) {
      const [id, value] = inside(pair, sequence);
      if (id?.tag === 0x06 && value !== undefined) yield [id.content.toHex(), textOf(value)];
    }
  }
}

function derOf(request: string): Uint8Array {
  const body = /-----BEGIN CERTIFICATE REQUEST-----([\s\S]*?)-----END CERTIFICATE REQUEST-----/.exec(fromUtf8(Uint8Array.fromBase64(request)))?.[1];
  if (body === undefined) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  return Uint8Array.fromBase64(body.replaceAll(/\s/g, ''));
}

/** Of the base64 of a PEM of a PKCS#10 request. Throws on anything else. */
export function requestSubject(request: string): RequestSubject {
  const [outer] = [...elements(derOf(request))];
  const [info] = inside(outer, sequence);
  const [, subject] = inside(info, sequence);
  const found = [...attributes(subject)];
  return {
    // The last one counts, as in Go.
    commonName: found.findLast(([id]) => id === commonNameId)?.[1] ?? '', organizations: found.filter(([id]) => id === organizationId).map(([, value]) => value),
  };
}
