import { utf8 } from '@coxswain/host';
import { cleaned } from './path-behind.ts';

/** Between whom the page travels. */
export interface ProxiedPlace {
  /** `/api/v1/namespaces/NAMESPACE/pods/NAME/proxy`: what the asker sees in front of the paths behind. */
  readonly prefix: string;
  /** The host that the asker asked, with its port. */
  readonly askedHost: string;
  /** The host behind, with its port. */
  readonly hostBehind: string;
}

interface Reference { readonly scheme: string; readonly host: string; readonly hasHost: boolean; readonly path: string; readonly rest: string }

/** RFC 3986, appendix B. Undefined where Go's parser would refuse it. */
function parseReference(text: string): Reference | undefined {
  const [, scheme = '', authority, path = '', rest = ''] = /^([A-Za-z][\w+.-]*:)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/s.exec(text) ?? [];
  if (/%(?![0-9A-Fa-f]{2})/.test(path) || /\p{Cc}/u.test(text)) return undefined;
  if (scheme === '' && authority === undefined && path.split('/')[0]?.includes(':') === true) return undefined;
  return { scheme, host: authority ?? '', hasHost: authority !== undefined, path, rest };
}

function escapedPath(path: string): string {
  return path.replace(/[^A-Za-z0-9\-._~!$&'()*+,/:;=@%[\]]/gu, (char) => Array.from(utf8(char), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''));
}

/**
 * A link of a page from behind the proxy, as the asker has to follow it. Links to other hosts, relative ones and those that already
 * lead through the proxy stay. A link that cannot be read stays, too: it is the page's own mistake. (As apimachinery's util/proxy.)
 */
export function rewriteUrl(text: string, place: ProxiedPlace): string {
  const url = parseReference(text);
  if (url === undefined || !url.path.startsWith('/')) return text;
  if (url.host !== '' && url.host !== place.hostBehind && url.host !== place.askedHost) return text;
  const origin = url.hasHost && url.host === place.askedHost ? `${url.scheme}//${url.host}` : '';
  if (url.path.startsWith(place.prefix)) return `${origin}${escapedPath(url.path)}${url.rest}`;
  const path = cleaned(url.path.split('/'));
  const slash = url.path.endsWith('/') && path !== '/' ? '/' : '';
  return `${origin}${place.prefix}${escapedPath(path)}${slash}${url.rest}`;
}
