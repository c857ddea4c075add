import { expect, test } from 'vitest';
import { addressProblem } from './address-problem.ts';

/** As kube-apiserver 1.32.2 warned of such addresses of load balancers. */
test.each([
  ['10.0.0.1', undefined], ['::1', undefined], ['5%', 'missing IPv6 address'], ['abc', 'unable to parse IP'], ['1.2.3', 'IPv4 address too short'], ['1.2.3.4.5', 'IPv4 address too long'],
  ['a.b.c', 'unexpected character (at "a.b.c")'], ['kubernetes.io/x', 'unexpected character (at "kubernetes.io/x")'], ['../up', 'IPv4 field must have at least one digit (at "../up")'],
  ['1.2.3.', 'IPv4 field must have at least one digit (at ".")'], ['010.0.0.1', 'IPv4 field has octet with leading zero'], ['1.2.3.256', 'IPv4 field has value >255'],
  ['x:y', 'each colon-separated field must have at least one digit (at "x:y")'],
])('%s', (ip, problem) => {
  expect(addressProblem(ip)).toBe(problem);
});
