import { silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { expect, test } from 'vitest';
import { certificateValidators } from '../certificates.ts';
import type { Validator } from '../validator.ts';
import { readSigningRequest, signatureProblem } from './signing-request.ts';

/** Made by openssl for CN=a; what is said of them is what kube-apiserver 1.32.2 says. */
const made = {
  ok: 'MIHFMG4CAQAwDDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABD2uVOhVuJ5cp5fSSgxo+2E5aXGSHvjp5X1MzWs1mU739CrBc+QkS3fdQJXoxq9itfd8Tz4uugNbqblZlJsQdlegADAKBggqhkjOPQQDAgNHADBEAiAL+2jsNk8ZJJUf2/kEHpdCTlhaZlcG6+EkKL1ZVOJ5lAIgNl/YYx+DCiFdyWGBowOLzkvH9i9K2891z+KV9eLMrbY=',
  rsa: 'MIICUTCCATkCAQAwDDEKMAgGA1UEAwwBYTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBANWpfZPzBB3xljLp9KZxEaQZrvlvmkxzdxxxNrTzdaegwOOGbzo2E2DWJRfVCpkc56Zg3NAYFTslqmPKNsWy2kd3OAEi48nHe2FN6/Ky3/wQtAbv9If6JsDXPwk8A12cD+UAKQ6G0s7MNmVr8cjk6F0KefWEc2pTdCIEgazLWvDfMry7u1l1ZYn2+jF4SkJVSZGlzbxs+npLssmFH9W0VAquGPeY/kbQzc7CDA3OhTFB/gGoFEQa8BcC2XNJrdQFmbrQ6tMwtjYS3AlczHtC7T6hP7iGeYcE1cTfyPpRCbw2w/dS6y0sr8W2s1IgQFkTZJfnhu/QrsOsSXe8bgXc7fsCAwEAAaAAMA0GCSqGSIb3DQEBCwUAA4IBAQDGrbYgj6I9T9IwWKaaR5JtvTGaATvWFdBCNioyZ9BmpCzzL9r+k0P8eOdwqDj2zvcOmYodfQHJYtwsfSdP6Uvwd5XpQ3kBxNYOhL3psPWWAAZrQMgPwxFSwc5dEu19Wy/6yRo2Z26EZ2XSh58Mh6ZV0iCndui/G+JbKshPQuc7QJyaoRLIsg9AaQZJRpejX22IUZCwbMr8bHDgBRyF+AQZBpa6dGXQjEzh1qWT6/Pom9avZdBGE+e277yPuBy2RJHU1CUJxyWWW0ulzHjwwKr5bQEbUStAyd/xWkkVa1oDKv6nzpix8c+7WR2if8CAf5U6pzGEwGLNLs7h1zN7K/iE',
  ed: 'MIGLMD8CAQAwDDEKMAgGA1UEAwwBYTAqMAUGAytlcAMhAErzdTWXSoibkupzEto8bptlelyRo2R9vvYpq3Fy//adoAAwBQYDK2VwA0EA/7GiLlmtC2JLcUE2K5MfisGHp1nJExKUiDyJg60SpVtQH/LvimGhAizrXYcgiuZjjoQ6uIG29HyCACmn81++Cg==',
  k1: 'MIHEMGsCAQAwDDEKMAgGA1UEAwwBYTBWMBAGByqGSM49AgEGBSuBBAAKA0IABBEA1LWAkUCRsUoMNfT/Cf/SvfM10UIbgkPeWaTzPMw3X6hU3gt0LaQOIgUcthC+CfHkbxrZiWyorFIIqz9Tvz+gADAKBggqhkjOPQQDAgNJADBGAiEAmblXw9Yu1lpY+q1EgI8m8b/rwCP/LtkM3vYTj37o4nICIQDl+Q8jwtrbF83T7l3q9HEun7RQbSlI2xzDNZZB2hywdw==',
  pss: 'MIIChjCCATkCAQAwDDEKMAgGA1UEAwwBYTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBANWpfZPzBB3xljLp9KZxEaQZrvlvmkxzdxxxNrTzdaegwOOGbzo2E2DWJRfVCpkc56Zg3NAYFTslqmPKNsWy2kd3OAEi48nHe2FN6/Ky3/wQtAbv9If6JsDXPwk8A12cD+UAKQ6G0s7MNmVr8cjk6F0KefWEc2pTdCIEgazLWvDfMry7u1l1ZYn2+jF4SkJVSZGlzbxs+npLssmFH9W0VAquGPeY/kbQzc7CDA3OhTFB/gGoFEQa8BcC2XNJrdQFmbrQ6tMwtjYS3AlczHtC7T6hP7iGeYcE1cTfyPpRCbw2w/dS6y0sr8W2s1IgQFkTZJfnhu/QrsOsSXe8bgXc7fsCAwEAAaAAMEIGCSqGSIb3DQEBCjA1oA8wDQYJYIZIAWUDBAIBBQChHDAaBgkqhkiG9w0BAQgwDQYJYIZIAWUDBAIBBQCiBAICAN4DggEBAK7q9+uGyZfk5ws9kSr1xkguzofkJNT3GUOCRSp+ESm9R96hTCnYbm972BzqjjskdHPQoXSpn0LMBXrVgx7sOEo7GDT/HqMEzNG2Rb2dpj0OWaRFSpMOjIuMA7/uxcmlxK/UrnDyKtZReOpaEJ299RQspIQnhDA7pv3rF69/bacC5XKq2hiWJ9gPfmjIo/EgXqqEsYM3iBsY9/AdEiraP4dXMrrBYw5YdZ5R0xG4XSWbb4le6BNsUxoQ20lnl46jEaGQb53nLZZld8YJo5lJ5tHTOyaBjO9KNlQRX/1/lAapNPgFHuZ9WMNudFdNk5H+xvT+OBFCHgVnCUim5KyH15E=',
  san: 'MIHhMIGHAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ9rlToVbieXKeX0koMaPthOWlxkh746eV9TM1rNZlO9/QqwXPkJEt33UCV6MavYrX3fE8+LroDW6m5WZSbEHZXoCUwIwYJKoZIhvcNAQkOMRYwFDASBgNVHREECzAJggF4hwQBAgMEMAoGCCqGSM49BAMCA0kAMEYCIQDSr/t9HQbuwMPjuE3amMUKVxHLBhZCINMBbf94OfN+LQIhALj5xjC8027NFPSrkucDaQ+iEODpkrqhKTIDwFq6FDuM',
  md5: 'MIICUTCCATkCAQAwDDEKMAgGA1UEAwwBYTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBANWpfZPzBB3xljLp9KZxEaQZrvlvmkxzdxxxNrTzdaegwOOGbzo2E2DWJRfVCpkc56Zg3NAYFTslqmPKNsWy2kd3OAEi48nHe2FN6/Ky3/wQtAbv9If6JsDXPwk8A12cD+UAKQ6G0s7MNmVr8cjk6F0KefWEc2pTdCIEgazLWvDfMry7u1l1ZYn2+jF4SkJVSZGlzbxs+npLssmFH9W0VAquGPeY/kbQzc7CDA3OhTFB/gGoFEQa8BcC2XNJrdQFmbrQ6tMwtjYS3AlczHtC7T6hP7iGeYcE1cTfyPpRCbw2w/dS6y0sr8W2s1IgQFkTZJfnhu/QrsOsSXe8bgXc7fsCAwEAAaAAMA0GCSqGSIb3DQEBBAUAA4IBAQA8C/m6J/1SF2pXRY811oZQHj9oUP4Ic6OhxyHABxH2ethGjFanXM5rrneGkixLI1kKlJ8NGf8EjENvSDjJIh8g8kNwT07XtApjlnEc/CT6qZWablq+OUmblVlbllfHnwxX+Jusgoy4qZCIVUsPIW5bTmOGXKY3AT6aRSaB1fXpiOeh74tClgvHGz9BtovaHJZIZmRIWc52bOKK5i5ABVuhdYKoHHeJDPZUqozU0tK3gA5mh7XS+Y7cw94kp2J8cSTZgs+Ng6NEzMpANUSjqArOVMRitBjGTQ9jPw50gRHuHKuRNfTtNOKaojVnCs0w0DznJRsaxoseqHAf4Fggml1p',
} as const;
const { crypto } = createRealHost(silentLogger);
const der = (name: keyof typeof made): Uint8Array => Uint8Array.fromBase64(made[name]);

function pem(body: Uint8Array, type = 'CERTIFICATE REQUEST', headers = ''): string {
  return `-----BEGIN ${type}-----\n${headers}${body.toBase64().replaceAll(/(.{64})(?=.)/g, '$1\n')}\n-----END ${type}-----\n`;
}

function problem(text: string): string | undefined {
  try {
    return signatureProblem(readSigningRequest(utf8(text).toBase64()), (...signed) => crypto.verify(...signed));
  } catch (error) {
    return (error as Error).message;
  }
}

/** CN=b instead, with the signature that was for CN=a. */
function renamed(name: keyof typeof made): Uint8Array {
  const bytes = der(name);
  const at = bytes.findIndex((byte, index) => byte === 0x0c && bytes[index + 1] === 1 && bytes[index + 2] === 0x61);
  expect(at).toBeGreaterThan(0);
  bytes[at + 2] = 0x62;
  return bytes;
}

test.each(['ok', 'rsa', 'ed', 'san'] as const)('%s is signed by its own key', (name) => {
  expect(problem(pem(der(name)))).toBeUndefined();
});

test.each([
  ['ok', 'x509: ECDSA verification failure'], ['rsa', 'crypto/rsa: verification error'], ['ed', 'x509: Ed25519 verification failure'],
] as const)('%s under another name is not', (name, expected) => {
  expect(problem(pem(renamed(name)))).toBe(expected);
});

test.each([
  ['k1', 'x509: unsupported elliptic curve'], ['pss', 'x509: cannot verify signature: algorithm unimplemented'], ['md5', 'x509: cannot verify signature: insecure algorithm MD5-RSA'],
] as const)('%s cannot be trusted', (name, expected) => {
  expect(problem(pem(der(name)))).toBe(expected);
});

const wrongTag = (class_: number, tag: number, length: number, isCompound: boolean, goType: string): string => `asn1: structure error: tags don't match (16 vs {class:${class_} tag:${tag} length:${length} isCompound:${isCompound}})`
  + ` {optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false} ${goType} @2`;
const bytes = (hex: string): string => pem(Uint8Array.fromHex(hex));

test.each([
  ['nothing', bytes(''), 'asn1: syntax error: sequence truncated'], ['text', pem(utf8('hello world')), wrongTag(1, 8, 101, true, 'certificateRequest')],
  ['more', pem(new Uint8Array([...der('ok'), 0])), 'asn1: syntax error: trailing data'], ['less', pem(der('ok').subarray(0, -5)), 'asn1: syntax error: data truncated'],
  ['an empty sequence', bytes('3000'), 'asn1: syntax error: sequence truncated'], ['a number', bytes('020105'), wrongTag(0, 2, 1, false, 'certificateRequest')],
  ['a sequence of numbers', bytes('3003020105'), wrongTag(0, 2, 1, false, 'tbsCertificateRequest')], ['a long length', bytes('3081050101010101'), 'asn1: structure error: non-minimal length'],
  ['no length', bytes('30800000'), 'asn1: syntax error: indefinite length found (not DER)'],
])('%s is no request', (_what, text, expected) => {
  expect(problem(text)).toBe(expected);
});

const notPem = 'PEM block type must be CERTIFICATE REQUEST';
const good = pem(der('ok'));

test.each([
  ['headers', pem(der('ok'), 'CERTIFICATE REQUEST', 'A: b\n\n'), undefined], ['text before', `hi\n${good}`, undefined], ['text behind', `${good}tail`, undefined], ['lines of Windows', good.replaceAll('\n', '\r\n'), undefined],
  ['a block that is none before', `-----BEGIN CERTIFICATE REQUEST-----\n!!!!\n-----END CERTIFICATE REQUEST-----\n${good}`, undefined],
  ['a certificate', pem(der('ok'), 'CERTIFICATE'), notPem], ['another type', pem(der('ok'), 'NEW CERTIFICATE REQUEST'), notPem], ['another block before', `${pem(der('ok'), 'X')}${good}`, notPem],
  ['base64 that is cut', `-----BEGIN CERTIFICATE REQUEST-----\nTUlJ=A\n-----END CERTIFICATE REQUEST-----\n`, notPem],
  ['no block', 'hello', notPem], ['one line', good.replaceAll('\n', ''), notPem], ['nothing', '', notPem],
])('PEM with %s', (_what, text, expected) => {
  expect(problem(text)).toBe(expected);
});

test('what is so large that others would wait while it is read is not read', () => {
  const { ok } = made;
  const around = (sizeBytes: number): string => `${'x'.repeat(sizeBytes)}\n${pem(Uint8Array.fromBase64(ok))}`;
  expect(problem(around(50_000))).toBeUndefined();
  expect(problem(around(100_000))).toBe('a request of more than 98304 bytes');
  const request = { metadata: { name: 'a' }, spec: { request: utf8(around(100_000)).toBase64(), signerName: 'example.com/a', usages: ['client auth'] } };
  const errors = certificateValidators['certificatesigningrequests.certificates.k8s.io']?.create(request, { subresource: '' } as Parameters<Validator['create']>[1]);
  expect(errors).toEqual([{ type: 'TooLong', field: 'spec.request', message: 'Too long: may not be more than 98304 bytes' }]);
});
