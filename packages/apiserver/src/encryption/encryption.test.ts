import { fromUtf8, silentLogger, utf8 } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import { Simulation } from '@coxswain/host/sim';
import { noMetrics } from '@coxswain/service';
import { expect, test } from 'vitest';
import { storedProtobuf } from '../negotiation/protobuf.ts';
import { Encryption } from './encryption.ts';
import { parseEncryptionConfig } from './config-file.ts';
import { KmsProvider, type KmsService } from './kms.ts';
import { identity, PrefixTransformers } from './prefix.ts';
import type { ReadValue, ValueTransformer } from './transformer.ts';

/** What a kube-apiserver 1.32.2 wrote to its etcd with the configuration below. */
const written = {
  '/registry/secrets/default/s1': { type: 'io.k8s.api.core.v1.Secret', value: 'azhzOmVuYzphZXNjYmM6djE6a2V5MTr8exDdQ2fZbj+3JU3EONoKlk1AHXnyIp7+lw6Cd1YIHGg8hOGxyypL0Zd8H4LTE0FtFXZ1tWRsTw9vIwz7QBOnEKKVvzUzyT+FHA0b9oU95O020p1TbY5Euh4IMfyDNfBfE+xs0fmaaAANbZKOfJy9w9F+kdwExnw6f4gNFXHAUSBx97sxxc9oSsxgA/6mk+4O/UgqoR+FlaKgki9gKHdTUfjaMRkS0JH8ySzyXJRD6y4MZjjEPd+OnpSic00tP+QxR1HLUFMhRZx2thfSNjsJ7THj86KhTY+pXC++gHZg3X+8Ez+cNBAeMJrLXgetkrs=' },
  '/registry/configmaps/default/c1': { type: 'io.k8s.api.core.v1.ConfigMap', value: 'azhzOmVuYzphZXNnY206djE6Z2tleTrTg6nNX4bNxCKfCOmYutJRdmaY/PMeV22PXewC2e2FkX6LFdS9cfTA1VuGZHtR6E5I/hLc+4bancl8OgYOIZMV/i3XZfFXK4HA9zsR9RKJ//g9X80YXWOYNpMTmidR8nX5mzGqH70S5+J3Q1yHAL531oJXDSpS91Oh5LY0X5srXj/RQTWmEsKPZ/raL3HTaV1TNjQkzKYdgauFHZpmN84NUQo8h54hfFJjb6HDclpgXdpAvgsHHjwjXte8M7QlRY4hR0Ik9lDxYApNB8KW5jWjaeoH' },
  '/registry/roles/default/r1': { type: 'io.k8s.api.rbac.v1.Role', value: 'azhzOmVuYzpzZWNyZXRib3g6djE6c2tleTqJ8Ew6oiwX68HIbgMCHi25e1RzgXEkT1ypJoRpWwmj4GMb+NY8C6ofGLcL+x1fxYYpyFFfdI5M8/CoM2ZhdiK2tCia9W01c3CrDGWxpBFwgM1xiGOMmeJj1i2KonvBz3P0mocXOjAPMZDcSMP463OvxyTF5n4G1R7fxXIUAq/hlwQIuhBaQBIXX0f5jpO+xDnf2asuR301D5oGG8nYA9zbeV6VhDr6Dn6hflgPMd1WxCfiKwDqqkrSrdCqAoojEoBUaDkBfniTbtTMzufpUJer6unERGierrXI+0QSwFtdM1HwOZR/Q1OEaDXcL6MINVB+SKTh7dt4bw==' },
  '/registry/controllerrevisions/default/cr1': { type: 'io.k8s.api.apps.v1.ControllerRevision', value: 'azhzOmVuYzprbXM6djI6cGx1ZzoKjQKn/mRDxRE8WlfT5KKnjRP7c50mdka7MDhwsZbf7I8CTYxzQ742MTSJK0Jpao1F3i7SJ2tBmdkTXK6En8FeE8nL398cpaOVlFBMqdh7THNUHt/j2eRofNZHdf64Dmxg8tidrz+OBLybUArN99dwPU8r74ZAle9yh4/VZ8a6hUH6WzhWwsvZgmCI/z4v6ck4M7eZXcRIV3mM3ue9Ve7kMgyr5UcG5mHL4tiyDzenhfcSXzFqrmsli6OToke4c1TNW5Pc1k+1lws9mK19wVHfOQR1kT1oGzBsscQK7bv8F5N3JPjWQ5H6vF82RiMiZYMpwgqmB+1MtaMhklq8Uwo+zXasTSHTjEbasT3/kxYFPxIHa2V5LW9uZRpIa2V5LW9uZS9kNTY0ZTIxOWM2MDVmZThmYjcxMmYyZDNjZjVhYWIxN2ExNTlhOWUyMDJmNmUyODVjMTZhMDM1Y2NhNTg5NTNlIhoKEnBsdWdpbi5leGFtcGxlLmNvbRIEbm90ZSgB' },
} as const;

const key = 'a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=';
const other = 'b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28=';
const configuration = `
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- {resources: [secrets], providers: [{aescbc: {keys: [{name: key1, secret: ${key}}]}}, {identity: {}}]}
- {resources: [configmaps], providers: [{aesgcm: {keys: [{name: gkey, secret: ${key}}]}}]}
- {resources: [roles.rbac.authorization.k8s.io], providers: [{secretbox: {keys: [{name: skey, secret: ${key}}]}}]}
- {resources: ["*.apps"], providers: [{kms: {apiVersion: v2, name: plug, endpoint: "unix:///kms.sock", timeout: 3s}}, {identity: {}}]}
`;

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Wrapped keys are the keys in hexadecimal behind the id of the key that wraps. */
function fakeKms(state: { keyId: string; down: boolean }): KmsService & { readonly calls: string[] } {
  const calls: string[] = [];
  const up = (call: string): void => {
    calls.push(call);
    if (state.down) throw new Error('rpc error: code = Unavailable');
  };
  return {
    calls,
    status: async () => {
      up('status');
      return { version: 'v2', healthz: 'ok', keyId: state.keyId };
    },
    encrypt: async (_uid, plaintext) => {
      up('encrypt');
      return { ciphertext: utf8(`${state.keyId}/${Buffer.from(plaintext).toString('hex')}`), keyId: state.keyId, annotations: new Map([['plugin.example.com', utf8('note')]]) };
    },
    decrypt: async (_uid, { ciphertext, keyId }) => {
      up('decrypt');
      const [id, hex = ''] = fromUtf8(ciphertext).split('/');
      if (id !== keyId) throw new Error('another key');
      return Buffer.from(hex, 'hex');
    },
    close: () => {},
  };
}

async function started(text: string, state = { keyId: 'key-one', down: false }): Promise<Encryption> {
  const encryption = new Encryption({ resources: parseEncryptionConfig('e.yaml', text), connectKms: () => fakeKms(state) }, createRealHost(silentLogger), noMetrics, { hostname: 'h', address: 'a', serverId: 's' });
  await encryption.start();
  return encryption;
}

const groups: Readonly<Record<string, string>> = { roles: 'rbac.authorization.k8s.io', controllerrevisions: 'apps' };

function transformerOf(encryption: Encryption, path: string): ValueTransformer {
  const resource = path.split('/')[2] ?? '';
  return encryption.transformerFor(groups[resource] ?? '', resource);
}

test.each(Object.entries(written))('what the original wrote at %s is read, and what is written is read again', async (path, { type, value }) => {
  const encryption = await started(configuration);
  const transformer = transformerOf(encryption, path);
  const read = await transformer.fromStorage(fromBase64(value), utf8(path));
  expect(read.stale).toBe(false);
  expect(storedProtobuf(read.data, type)).toMatchObject({ metadata: { name: path.split('/').at(-1), namespace: 'default' } });
  const again = await transformer.toStorage(read.data, utf8(path));
  const prefix = fromUtf8(fromBase64(value)).split(':').slice(0, 5).join(':');
  expect(fromUtf8(again).startsWith(`${prefix}:`)).toBe(true);
  expect(Buffer.from(again).equals(Buffer.from(fromBase64(value)))).toBe(false);
  expect((await transformer.fromStorage(again, utf8(path))).data).toEqual(read.data);
  encryption.stop();
});

test.each(['/registry/configmaps/default/c1', '/registry/controllerrevisions/default/cr1'] as const)('what lies at %s is not read at another place', async (path) => {
  const encryption = await started(configuration);
  const read = async (): Promise<ReadValue> => transformerOf(encryption, path).fromStorage(fromBase64(written[path].value), utf8(`${path}-other`));
  await expect(read()).rejects.toThrow('cipher: message authentication failed');
  encryption.stop();
});

test('a resource takes the most special entry', async () => {
  const text = (rest: string): string => `{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [${rest}]}`;
  const with_ = (resource: string, name: string): string => `{resources: ["${resource}"], providers: [{aesgcm: {keys: [{name: ${name}, secret: ${key}}]}}]}`;
  const encryption = await started(text([with_('secrets', 'one'), with_('*.apps', 'two'), with_('*.', 'three'), with_('*.*', 'four')].join(', ')));
  const prefixOf = async (group: string, resource: string): Promise<string | undefined> => fromUtf8(await encryption.transformerFor(group, resource).toStorage(utf8('x'), utf8('k'))).split(':')[4];
  expect(await Promise.all([prefixOf('', 'secrets'), prefixOf('apps', 'deployments'), prefixOf('', 'pods'), prefixOf('batch', 'jobs')])).toEqual(['one', 'two', 'three', 'four']);
});

test('the first key writes, every key reads, and what an old one wrote is stale', async () => {
  const keys = (...names: string[]): string => names.map((name) => `{name: ${name}, secret: ${name === 'new' ? other : key}}`).join(', ');
  const secrets = (providers: string): string => `{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [{resources: [secrets], providers: [${providers}]}]}`;
  const of = async (providers: string): Promise<ValueTransformer> => (await started(secrets(providers))).transformerFor('', 'secrets');
  const at = utf8('/k');
  const clear = utf8('{"kind":"Secret"}');
  const old = await (await of(`{aescbc: {keys: [${keys('old')}]}}`)).toStorage(clear, at);
  const rotated = await of(`{aescbc: {keys: [${keys('new', 'old')}]}}, {identity: {}}`);
  expect(await rotated.fromStorage(old, at)).toEqual({ data: Buffer.from(clear), stale: true });
  expect(await rotated.fromStorage(clear, at)).toEqual({ data: clear, stale: true });
  expect(await rotated.fromStorage(await rotated.toStorage(clear, at), at)).toEqual({ data: Buffer.from(clear), stale: false });
  const away = await of(`{identity: {}}, {aescbc: {keys: [${keys('new', 'old')}]}}`);
  expect(await away.fromStorage(old, at)).toEqual({ data: Buffer.from(clear), stale: true });
  expect(await away.toStorage(clear, at)).toEqual(clear);
  const lost = await of(`{aescbc: {keys: [${keys('new')}]}}`);
  expect(() => lost.fromStorage(old, at)).toThrow('no matching key was found for the provided AES transformer');
  expect(() => lost.fromStorage(clear, at)).toThrow('no matching prefix found');
  // Not AES-CBC: with the wrong key one padding in 256 is right by chance.
  const twice = await of(`{aesgcm: {keys: [{name: same, secret: ${other}}]}}, {aesgcm: {keys: [{name: same, secret: ${key}}]}}`);
  const same = await (await of(`{aesgcm: {keys: [{name: same, secret: ${key}}]}}`)).toStorage(clear, at);
  expect(await twice.fromStorage(same, at)).toEqual({ data: Buffer.from(clear), stale: true });
});

test('identity refuses what is encrypted', () => {
  expect(() => new PrefixTransformers([{ prefix: '', transformer: identity }], 'no matching prefix found').fromStorage(utf8('k8s:enc:aescbc:v1:k:x'), utf8('/k'))).toThrow('no matching prefix found');
  expect(() => identity.fromStorage(utf8('k8s:enc:aescbc:v1:k:x'), utf8('/k'))).toThrow('identity transformer tried to read encrypted data');
});

test.each([
  [['aescbc', 'x'.repeat(10)], 'the stored data was shorter than the required size'],
  [['aescbc', 'x'.repeat(33)], 'the stored data is not a multiple of the block size'],
  [['aesgcm', 'x'.repeat(50)], 'cipher: message authentication failed'],
  [['secretbox', 'x'.repeat(50)], 'output array was not large enough for encryption'],
])('damaged data: %j', async ([kind, rest], message) => {
  const encryption = await started(`{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [{resources: [secrets], providers: [{${kind}: {keys: [{name: k, secret: ${key}}]}}]}]}`);
  expect(() => encryption.transformerFor('', 'secrets').fromStorage(utf8(`k8s:enc:${kind}:v1:k:${rest}`), utf8('/k'))).toThrow(message);
});

test('a plugin that is down: reads go on, writes for three minutes, a new key makes old values stale', async () => {
  const sim = new Simulation({ seed: 9 });
  const { host } = sim.start('a', 'server');
  const state = { keyId: 'key-one', down: false };
  const kms = fakeKms(state);
  const provider = new KmsProvider('plug', kms, host);
  await sim.runUntil(provider.start(), 100, 'the first status');
  const at = utf8('/registry/secrets/a');
  const write = (): Promise<Uint8Array> => Promise.resolve().then(() => provider.toStorage(utf8('hush'), at));
  const first = await write();
  expect(fromUtf8(first)).not.toContain('hush');
  state.down = true;
  await sim.runUntil(host.timers.sleep(60_000), 70_000, 'the next status');
  expect(provider.unhealthy).toContain('rpc error: code = Unavailable');
  expect(await provider.fromStorage(await write(), at)).toMatchObject({ stale: false });
  await sim.runUntil(host.timers.sleep(121_000), 130_000, 'the end of writing');
  await expect(write()).rejects.toThrow('expired');
  expect(fromUtf8((await provider.fromStorage(first, at)).data)).toBe('hush');
  state.down = false;
  state.keyId = 'key-two';
  await sim.runUntil(host.timers.sleep(10_000), 20_000, 'the plugin to be asked again');
  expect(provider.unhealthy).toBeUndefined();
  expect(await provider.fromStorage(first, at)).toMatchObject({ stale: true });
  expect(await provider.fromStorage(await write(), at)).toMatchObject({ stale: false });
  expect(kms.calls.filter((call) => call === 'decrypt')).toEqual([]);
  const fresh = new KmsProvider('plug', kms, host);
  await sim.runUntil(fresh.start(), 100, 'the first status');
  const reads = await sim.runUntil(Promise.all([fresh.fromStorage(first, at), fresh.fromStorage(first, at)]), 100, 'two reads');
  expect(reads.map((read) => fromUtf8(read.data))).toEqual(['hush', 'hush']);
  expect(kms.calls.filter((call) => call === 'decrypt')).toEqual(['decrypt']);
  provider.stop();
  fresh.stop();
});

const list = (entry: string): string => `{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [${entry}]}`;
test.each([
  [list(''), 'e.yaml: resources: Required value'],
  [list('{resources: [], providers: [{identity: {}}]}'), 'e.yaml: resources[0].resources: Required value'],
  [list('{resources: [secrets]}'), 'e.yaml: resources[0].providers: Required value'],
  [list('{resources: [secrets], providers: [{}]}'), 'e.yaml: resources[0].providers[0]: provider does not contain any of the expected providers'],
  [list('{resources: [secrets], providers: [{identity: {}, aesgcm: {keys: []}}]}'), 'more than one provider specified in a single element'],
  [list('{resources: [secrets], providers: [{aescbc: {keys: []}}]}'), 'providers[0].aescbc.keys: Required value'],
  [list('{resources: [secrets], providers: [{aescbc: {keys: [{name: a, secret: "?"}]}}]}'), 'keys[0].secret: Invalid value: "REDACTED": secrets must be base64 encoded'],
  [list('{resources: [secrets], providers: [{secretbox: {keys: [{name: a, secret: QUFBQUFBQUFBQUFBQUFBQQ==}]}}]}'), 'secret is not of the expected length, got 16, expected one of [32]'],
  [list('{resources: ["*"], providers: [{identity: {}}]}'), "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources"],
  [list('{resources: [secrets, "*."], providers: [{identity: {}}]}'), 'using overlapping resources'],
  [list('{resources: [secrets, secrets], providers: [{identity: {}}]}'), 'the same resource cannot be specified multiple times'],
  [list('{resources: ["secrets.*"], providers: [{identity: {}}]}'), 'encrypting the same resource across groups is not supported'],
  [list('{resources: ["*.*"], providers: [{identity: {}}]}, {resources: [secrets], providers: [{identity: {}}]}'), 'resource "secrets" is masked by earlier rule "*.*"'],
  [list('{resources: [secrets], providers: [{kms: {name: "a:b", apiVersion: v2, endpoint: "unix:///x"}}]}'), "must not contain ':'"],
  [list('{resources: [secrets], providers: [{kms: {name: a, endpoint: "unix:///x"}}]}'), 'kms.apiVersion: KMSv1 is deprecated'],
  [list('{resources: [secrets], providers: [{kms: {name: a, apiVersion: v2, endpoint: "http://x"}}]}'), 'unsupported scheme for remote KMS provider'],
  [list('{resources: [secrets], providers: [{identity: {}}], provider: []}'), 'e.yaml: resources[0].provider: unknown field'],
])('%s is refused', (text, message) => {
  expect(() => parseEncryptionConfig('e.yaml', text)).toThrow(message);
});
