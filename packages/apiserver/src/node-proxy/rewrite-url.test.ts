import { expect, test } from 'vitest';
import { rewriteUrl } from './rewrite-url.ts';

const place = { prefix: '/api/v1/namespaces/default/pods/p1/proxy', askedHost: '127.0.0.1:20700', hostBehind: '192.0.2.2:20799' };

/** What kube-apiserver 1.32.2 made of these redirects. */
test.each([
  ['/r1', `${place.prefix}/r1`],
  ['/dir/', `${place.prefix}/dir/`],
  ['/a?b=c#d', `${place.prefix}/a?b=c#d`],
  ['/x y?q=1&b="2"', `${place.prefix}/x%20y?q=1&b="2"`],
  ['rel', 'rel'],
  ['http://other/x', 'http://other/x'],
  ['http://192.0.2.2:20799/same', `${place.prefix}/same`],
  ['http://127.0.0.1:20700/w', `http://127.0.0.1:20700${place.prefix}/w`],
  ['//127.0.0.1:20700/q', `//127.0.0.1:20700${place.prefix}/q`],
  [`${place.prefix}/z`, `${place.prefix}/z`],
  [':bad%zz', ':bad%zz'],
  ['/bad%zz', '/bad%zz'],
])('%s becomes %s', (link, expected) => {
  expect(rewriteUrl(link, place)).toBe(expected);
});

test('dots of a link do not climb out of the proxy', () => {
  expect(rewriteUrl('/../../x', place)).toBe(`${place.prefix}/x`);
});
