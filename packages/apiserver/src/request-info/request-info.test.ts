import { expect, test } from 'vitest';
import { requestInfoOf } from './request-info.ts';

/** The table of Kubernetes' own request info test, in short form: verb, prefix, group, version, namespace, resource, subresource, name. */
const cases: readonly [string, string, string][] = [
  ['GET', '/api/v1/namespaces', 'list api  v1  namespaces  '],
  ['GET', '/api/v1/namespaces/other', 'get api  v1 other namespaces  other'],
  ['GET', '/api/v1/namespaces/other/pods', 'list api  v1 other pods  '],
  ['GET', '/api/v1/namespaces/other/pods/foo', 'get api  v1 other pods  foo'],
  ['HEAD', '/api/v1/namespaces/other/pods/foo', 'get api  v1 other pods  foo'],
  ['GET', '/api/v1/pods', 'list api  v1  pods  '],
  ['GET', '/api/v1/namespaces/other/pods/foo/log', 'get api  v1 other pods log foo'],
  ['PUT', '/api/v1/namespaces/other/finalize', 'update api  v1 other namespaces finalize other'],
  ['PUT', '/api/v1/namespaces/other/status', 'update api  v1 other namespaces status other'],
  ['GET', '/api/v1/watch/pods', 'watch api  v1  pods  '],
  ['GET', '/api/v1/pods?watch=true', 'watch api  v1  pods  '],
  ['GET', '/api/v1/pods?watch=false', 'list api  v1  pods  '],
  ['GET', '/api/v1/watch/namespaces/other/pods', 'watch api  v1 other pods  '],
  ['GET', '/apis/apps/v1/namespaces/other/deployments?fieldSelector=metadata.name%3Dfoo', 'list apis apps v1 other deployments  foo'],
  ['DELETE', '/api/v1/namespaces/other/pods', 'deletecollection api  v1 other pods  '],
  ['DELETE', '/api/v1/namespaces/other/pods/foo', 'delete api  v1 other pods  foo'],
  ['PATCH', '/apis/apps/v1/namespaces/other/deployments/foo/scale', 'patch apis apps v1 other deployments scale foo'],
];

test('reads verb, group, version, namespace, resource, subresource and name', () => {
  for (const [method, target, expected] of cases) {
    const info = requestInfoOf(method, target);
    const text = [info.verb, info.apiPrefix, info.group, info.version, info.namespace, info.resource, info.subresource, info.name].join(' ');
    expect(text, `${method} ${target}`).toBe(expected);
    expect(info.isResourceRequest).toBe(true);
  }
});

test('group and version paths, and everything outside /api and /apis, name no resource', () => {
  for (const target of ['/', '/api', '/api/v1', '/apis', '/apis/apps', '/apis/apps/v1', '/healthz', '/version?x=1']) {
    const info = requestInfoOf('GET', target);
    expect(info.isResourceRequest, target).toBe(false);
    expect(info.verb).toBe('get');
  }
});
