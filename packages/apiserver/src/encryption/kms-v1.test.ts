import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concatBytes, fromUtf8, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { noMetrics } from '@coxswain/service';
import { expect, test } from 'vitest';
import { connectKms, connectKmsV1 } from '../edge/kms-client.ts';
import { startKmsPlugin } from '../edge/kms-plugin.fixture.ts';
import { aesCbcTransformer } from './ciphers.ts';
import { parseEncryptionConfig } from './config-file.ts';
import { Encryption } from './encryption.ts';

const host = createRealHost(silentLogger);
const file = (provider: string): string => `{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [{resources: [secrets], providers: [{kms: ${provider}}]}]}`;
const at = utf8('/registry/secrets/default/s');

async function read(encryption: Encryption, stored: Uint8Array): Promise<readonly [string, boolean]> {
  const { data, stale } = await encryption.transformerFor('', 'secrets').fromStorage(stored, at);
  return [fromUtf8(data), stale];
}

test('a plugin of version 1 wraps a key for each value, in the form of the original', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kms-v1-'));
  const plugin = await startKmsPlugin(join(directory, 'kms.sock'), 'k');
  const start = async (cachesize: string): Promise<Encryption> => {
    const encryption = new Encryption({ resources: parseEncryptionConfig('e', file(`{name: p, endpoint: "unix://${join(directory, 'kms.sock')}"${cachesize}}`), { kmsV1: true }), connectKms, connectKmsV1 }, host, noMetrics, { hostname: 'h', address: 'a', serverId: 's' });
    await encryption.start();
    return encryption;
  };
  const first = await start('');
  expect(await first.healthChecks()['kms-providers']?.()).toBeUndefined();
  expect(plugin.calls.slice(0, 3)).toEqual(['v1beta1.Version', 'v1beta1.Encrypt', 'v1beta1.Decrypt']);
  const stored = await first.transformerFor('', 'secrets').toStorage(utf8('hush-hush'), at);
  const prefix = 'k8s:enc:kms:v1:p:';
  expect(fromUtf8(stored.subarray(0, prefix.length))).toBe(prefix);
  const length = (stored[prefix.length] as number) * 256 + (stored[prefix.length + 1] as number);
  const wrapped = stored.subarray(prefix.length + 2, prefix.length + 2 + length);
  expect(fromUtf8(wrapped)).toMatch(/^v1\/[0-9a-f]{64}$/);
  plugin.calls.splice(0);
  const second = await start(', cachesize: 1');
  plugin.calls.splice(0);
  for (let time = 0; time < 2; time += 1) expect(await read(second, stored)).toEqual(['hush-hush', false]);
  expect(plugin.calls, 'a key that is remembered is not asked for').toEqual(['v1beta1.Decrypt']);
  // 37 bytes are no blocks of AES-CBC, whatever its padding.
  await expect((async () => second.transformerFor('', 'secrets').fromStorage(stored, utf8('/registry/secrets/default/other')))()).rejects.toThrow();
  const key = Uint8Array.fromHex(fromUtf8(wrapped).slice(3));
  const old = concatBytes([utf8(prefix), new Uint8Array([0, length]), wrapped, await aesCbcTransformer(host, key).toStorage(utf8('older'), at)]);
  expect(await read(second, old), 'before 1.25 it was AES-CBC').toEqual(['older', true]);
  first.stop();
  second.stop();
  await plugin.stop();
  rmSync(directory, { recursive: true });
});

test('without its gate, and with what it does not take, it is refused', () => {
  expect(() => parseEncryptionConfig('e', file('{name: p, endpoint: "unix:///s"}'))).toThrow('KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead.  Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature.');
  expect(() => parseEncryptionConfig('e', file('{name: p, endpoint: "unix:///s", cachesize: 0}'), { kmsV1: true })).toThrow('cachesize should be a non-zero value');
  expect(() => parseEncryptionConfig('e', file('{name: p, apiVersion: v2, endpoint: "unix:///s", cachesize: 5}'))).toThrow('cachesize is not supported in v2');
  expect(() => parseEncryptionConfig('e', file('{name: p, apiVersion: v3, endpoint: "unix:///s"}'))).toThrow('unsupported apiVersion v3 for KMS provider, only v1 and v2 are supported');
});
