import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@coxswain/host';
import { createRealHost } from '@coxswain/host/edge';
import type { Pod } from 'kubernetes-types/core/v1';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KubeletConfig } from '../config.ts';
import { hollowSystem } from '../hollow/system.ts';
import type { PayloadSources } from '../volumes/payloads.ts';
import { VolumeManager } from '../volumes/manager.ts';
import { linuxFiles } from './linux-files.ts';
import { linuxMounts } from './linux-mounts.ts';

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'cox-subpath-')));
  mkdirSync(join(root, 'volume'));
  mkdirSync(join(root, 'outside'));
});
afterEach(() => { rmSync(root, { recursive: true }); });

/** The host path that a container gets for a sub-path of an emptyDir; `bound`: what was bound there. */
async function mountOf(subPath: string): Promise<{ readonly bound: readonly string[] }> {
  const bound: string[] = [];
  const host = createRealHost(silentLogger);
  const system = { ...hollowSystem({ nodeName: 'n', address: '10.0.0.1', disk: host.disk }), files: linuxFiles };
  const manager = new VolumeManager(host, { ...system, mounts: { ...system.mounts, bind: (source) => { bound.push(source); return Promise.resolve(); } } }, { rootDir: join(root, 'kubelet') } as KubeletConfig, {} as PayloadSources);
  const pod: Pod = { metadata: { name: 'p', namespace: 'd', uid: 'u' }, spec: { containers: [], volumes: [{ name: 'v', emptyDir: {} }] } };
  await manager.containerMounts(pod, { name: 'c', volumeMounts: [{ name: 'v', mountPath: '/v', subPath }] }, new Map([['v', join(root, 'volume')]]), new Map());
  return { bound };
}

test('a sub-path that is not there is made', async () => {
  expect(await mountOf('a/b')).toEqual({ bound: [join(root, 'volume/a/b')] });
  expect(statSync(join(root, 'volume/a/b')).isDirectory()).toBe(true);
});

test('a link inside the volume is followed', async () => {
  mkdirSync(join(root, 'volume/real'));
  symlinkSync('real', join(root, 'volume/link'));
  expect(await mountOf('link/sub')).toEqual({ bound: [join(root, 'volume/real/sub')] });
});

test('nothing is made or bound behind a link that leads out of the volume', async () => {
  symlinkSync(join(root, 'outside'), join(root, 'volume/way-out'));
  symlinkSync('/', join(root, 'volume/top'));
  for (const subPath of ['way-out', 'way-out/made', 'way-out/made/deep', `top${root}/outside/made`]) await expect(mountOf(subPath), subPath).rejects.toThrow('failed to prepare subPath');
  expect(readdirSync(join(root, 'outside'))).toEqual([]);
});

test.skipIf(process.getuid?.() !== 0)('what is bound is what was checked, whatever its name leads to meanwhile', async () => {
  writeFileSync(join(root, 'outside/secret'), 'secret');
  mkdirSync(join(root, 'target'));
  symlinkSync(join(root, 'outside'), join(root, 'volume/swapped'));
  await expect(linuxMounts.bind(join(root, 'volume/swapped'), join(root, 'target'), { readonly: false })).rejects.toThrow('is a link now');
  expect(readdirSync(join(root, 'target'))).toEqual([]);
  mkdirSync(join(root, 'volume/kept'));
  writeFileSync(join(root, 'volume/kept/file'), 'mine');
  await linuxMounts.bind(join(root, 'volume/kept'), join(root, 'target'), { readonly: true });
  expect(readFileSync(join(root, 'target/file'), 'utf8')).toBe('mine');
  expect(() => { writeFileSync(join(root, 'target/new'), ''); }).toThrow('EROFS');
  execFileSync('umount', [join(root, 'target')]);
});
