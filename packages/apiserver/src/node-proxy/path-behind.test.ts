import { expect, test } from 'vitest';
import { requestInfoOf } from '../request-info/request-info.ts';
import { pathBehind } from './path-behind.ts';

const web = '/api/v1/namespaces/x/services/web:http/proxy';

/** What a server behind kube-apiserver 1.32.2 was asked. */
test.each([
  [`${web}/a%2Fb?c=%2F`, '/a/b?c=%2F'], [`${web}/a%20b`, '/a%20b'], [`${web}/a//b`, '/a/b'], [`${web}/a/`, '/a/'], [`${web}/`, '/'], [`${web}/a%3Fb%23c`, '/a%3Fb%23c'],
  [`${web}/a;b,c=d!(e)'*@:&+`, '/a;b,c=d%21%28e%29%27%2A@:&+'], [`${web}/a/../b`, '/b'], [`${web}/%2e%2e/b`, '/b'], [`${web}/%25`, '/%25'], [`${web}/%C3%A4`, '/%C3%A4'], [`${web}/[x]|^`, '/%5Bx%5D%7C%5E'],
  [`${web}//x`, '/x'], [`${web}/a%2F`, '/a/'], [`${web}/a/%2F/b`, '/a/b'],
  ['/api/v1/namespaces/x/services%2Fweb:http/proxy/x', '/x'], ['/api/v1/namespaces/x/services/web:http%2Fproxy%2Fx', '/x'], ['/api/v1/namespaces/x/services/web%3Ahttp/proxy/x', '/x'],
  ['/api/v1/namespaces/x/services/proxy:http/proxy/proxy/x', '/proxy/x'], ['/api/v1/namespaces/pods/services/web:http/proxy/x', '/x'], ['/api/v1/namespaces/proxy/services/proxy:http/proxy/proxy/x', '/proxy/x'],
  ['/api/v1/namespaces/services/services/services:http/proxy/x', '/x'], ['/api/v1/namespaces/status/services/web:http/proxy/x', '/x'], ['/api/v1/nodes/n/proxy/pods/?a=b?c', '/pods/?a=b?c'],
])('%s is asked as %s', (target, expected) => {
  const info = requestInfoOf('GET', target);
  expect([info.subresource, pathBehind(info, target)]).toEqual(['proxy', expected]);
});
