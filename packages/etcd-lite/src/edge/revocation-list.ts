interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

const tags = { integer: 0x02, sequence: 0x30, utcTime: 0x17, generalizedTime: 0x18 } as const;

/** The DER elements that stand one after another. Throws on anything that is none. */
function elements(data: Uint8Array): Element[] {
  const out: Element[] = [];
  for (let at = 0; at < data.length;) {
    const tag = data[at] as number;
    let length = data[at + 1] ?? -1;
    at += 2;
    if (length > 0x80 && length <= 0x84) {
      const sizeBytes = length - 0x80;
      length = 0;
      for (let digit = 0; digit < sizeBytes; digit += 1) length = length * 256 + (data[at + digit] ?? 0);
      at += sizeBytes;
    }
    if (length < 0 || length === 0x80 || at + length > data.length) throw new Error('not DER');
    out.push({ tag, content: data.subarray(at, at + length) });
    at += length;
  }
  return out;
}

function only(data: Uint8Array, tag: number): Element {
  const [first] = elements(data);
  if (first?.tag !== tag) throw new Error('not a revocation list');
  return first;
}

/** Hex, upper case, without leading zeros of the encoding: as Node prints a certificate's. */
function serialText(content: Uint8Array): string {
  const start = content[0] === 0 && content.length > 1 ? 1 : 0;
  return Buffer.from(content.subarray(start)).toString('hex').toUpperCase();
}

/**
 * Serial numbers of an X.509 revocation list (RFC 5280, 5.1) in PEM or DER. Read by hand because the X.509 library takes a list
 * without `nextUpdate` for an empty one. Its signature is not checked: as with etcd, whoever may write the file decides.
 */
export function revokedSerials(file: Uint8Array): ReadonlySet<string> {
  const pem = /-----BEGIN (?:X509 )?CRL-----([^-]*)-----END/.exec(Buffer.from(file).toString('latin1'));
  const der = pem === null ? file : Uint8Array.from(Buffer.from(pem[1] as string, 'base64'));
  const [body] = elements(only(der, tags.sequence).content);
  if (body?.tag !== tags.sequence) throw new Error('not a revocation list');
  const fields = elements(body.content);
  // version?, signature algorithm, issuer, thisUpdate, nextUpdate?, revoked?, extensions?
  let at = fields.findIndex(({ tag }) => tag === tags.utcTime || tag === tags.generalizedTime);
  if (at < 0) throw new Error('not a revocation list');
  while (fields[at]?.tag === tags.utcTime || fields[at]?.tag === tags.generalizedTime) at += 1;
  const revoked = fields[at];
  if (revoked?.tag !== tags.sequence) return new Set();
  return new Set(elements(revoked.content).map(({ content }) => serialText(only(content, tags.integer).content)));
}
