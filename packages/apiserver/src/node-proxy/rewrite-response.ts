import { fromLatin1, latin1, type ByteSource, type HeaderMap } from '@coxswain/host';
import { HtmlLinks } from './html-links.ts';
import { rewriteUrl, type ProxiedPlace } from './rewrite-url.ts';

interface Answer { readonly status: number; readonly headers: Readonly<Record<string, string | readonly string[]>>; readonly body: ByteSource }

/** A page from behind must not open this server to the scripts of others. */
const cors: ReadonlySet<string> = new Set(['access-control-allow-credentials', 'access-control-allow-headers', 'access-control-allow-methods', 'access-control-allow-origin']);

export interface PageCodec {
  decode(body: ByteSource): ByteSource;
  encode(body: ByteSource): ByteSource;
}
/** By content encoding. */
export type PageCodecs = Readonly<Record<string, PageCodec>>;

const identity: PageCodec = { decode: (body) => body, encode: (body) => body };

/** Bytes as characters of the same number: what is not ASCII passes unread and unharmed. */
async function* relinked(body: ByteSource, place: ProxiedPlace): AsyncGenerator<Uint8Array, void, undefined> {
  const links = new HtmlLinks((url) => rewriteUrl(url, place));
  for await (const chunk of body) {
    const text = links.push(fromLatin1(chunk));
    if (text !== '') yield latin1(text);
  }
  yield latin1(links.end());
}

function one(headers: HeaderMap, name: string): string {
  return [headers[name] ?? ''].flat()[0] ?? '';
}

/**
 * What an asker gets from behind the proxy of a pod, service or node: redirects and links of pages lead through the proxy again (as
 * apimachinery's util/proxy). A page in an encoding that is not known here passes as it is.
 */
export function rewriteResponse(answer: Answer, place: ProxiedPlace, codecs: PageCodecs): Answer {
  const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !cors.has(name)));
  const location = one(headers, 'location');
  if (location !== '') return { ...answer, headers: { ...headers, location: rewriteUrl(location, place) } };
  const encoding = one(headers, 'content-encoding');
  const codec = encoding === '' ? identity : codecs[encoding];
  if (one(headers, 'content-type').split(';')[0]?.trim() !== 'text/html' || codec === undefined) return { ...answer, headers };
  const { 'content-length': _length, ...others } = headers;
  return { ...answer, headers: others, body: codec.encode(relinked(codec.decode(answer.body), place)) };
}
