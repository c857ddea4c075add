import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { must } from '../shell.ts';

/** Names under which the demo's images are known to every node. */
export const pauseImage = 'coxswain.local/pause:1';
export const busyboxImage = 'coxswain.local/busybox:1';

interface ImageRecipe {
  readonly name: string;
  readonly file: string;
  readonly command: readonly string[];
  fill(root: string): Promise<void>;
}

const busyboxBinary = '/bin/busybox';

async function fillBusybox(root: string): Promise<void> {
  for (const folder of ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'etc', 'tmp', 'var', 'root', 'home', 'proc', 'sys', 'dev']) mkdirSync(`${root}/${folder}`, { recursive: true });
  cpSync(busyboxBinary, `${root}/bin/busybox`);
  for (const applet of (await must(busyboxBinary, ['--list-full'])).split('\n')) {
    if (applet === '' || applet === 'bin/busybox') continue;
    mkdirSync(`${root}/${applet.slice(0, applet.lastIndexOf('/') + 1)}`, { recursive: true });
    symlinkSync('/bin/busybox', `${root}/${applet}`);
  }
  writeFileSync(`${root}/etc/passwd`, 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n');
  writeFileSync(`${root}/etc/group`, 'root:x:0:\nnobody:x:65534:\n');
  writeFileSync(`${root}/etc/nsswitch.conf`, 'hosts: files dns\n');
  // `httpd -f` without a folder of its own answers with the pod's name.
  symlinkSync('/etc/hostname', `${root}/index.html`);
}

/** The sandbox's first process: sleeps, ends on SIGTERM, reaps (busybox init does, but a shell that waits is smaller). */
async function fillPause(root: string): Promise<void> {
  mkdirSync(`${root}/bin`, { recursive: true });
  cpSync(busyboxBinary, `${root}/bin/busybox`);
  symlinkSync('/bin/busybox', `${root}/bin/sh`);
  writeFileSync(`${root}/pause`, '#!/bin/sh\ntrap "exit 0" TERM INT\nwhile :; do /bin/busybox sleep 2147483 & wait $!; done\n', { mode: 0o755 });
}

const recipes: readonly ImageRecipe[] = [
  { name: pauseImage, file: 'pause.tar', command: ['/pause'], fill: fillPause },
  { name: busyboxImage, file: 'busybox-1.tar', command: ['sh'], fill: fillBusybox },
];

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Owner, order and times are fixed, so the same busybox gives the same digests. */
async function tar(folder: string, file: string): Promise<void> {
  await must('tar', ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '-C', folder, '-cf', file, '.']);
}

async function build(recipe: ImageRecipe, folder: string, target: string): Promise<void> {
  const work = `${folder}/${recipe.file}.work`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(`${work}/root`, { recursive: true });
  mkdirSync(`${work}/image`);
  await recipe.fill(`${work}/root`);
  await tar(`${work}/root`, `${work}/image/layer.tar`);
  const layer = sha256(readFileSync(`${work}/image/layer.tar`));
  const config = Buffer.from(JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64', os: 'linux', created: '1970-01-01T00:00:00Z',
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: recipe.command, WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] }, history: [{ created: '1970-01-01T00:00:00Z', created_by: 'coxswain' }],
  }));
  const configName = `${sha256(config)}.json`;
  writeFileSync(`${work}/image/${configName}`, config);
  writeFileSync(`${work}/image/manifest.json`, JSON.stringify([{ Config: configName, RepoTags: [recipe.name], Layers: ['layer.tar'] }]));
  await tar(`${work}/image`, `${target}.tmp`);
  await must('mv', [`${target}.tmp`, target]);
  rmSync(work, { recursive: true, force: true });
}

export interface ImageArchive {
  readonly name: string;
  readonly file: string;
}

/** Makes the demo's images from Debian's busybox-static; kept in DATA/images until busybox is newer. */
export async function makeImages(folder: string): Promise<readonly ImageArchive[]> {
  mkdirSync(folder, { recursive: true });
  const out: ImageArchive[] = [];
  for (const recipe of recipes) {
    const file = `${folder}/${recipe.file}`;
    if (!existsSync(file) || statSync(file).mtimeMs < statSync(busyboxBinary).mtimeMs) await build(recipe, folder, file);
    out.push({ name: recipe.name, file });
  }
  return out;
}

/** Into one node's containerd, unless it has them. */
export async function importImages(socket: string, archives: readonly ImageArchive[]): Promise<void> {
  const have = await must('ctr', ['--address', socket, '-n', 'k8s.io', 'images', 'list', '-q']);
  const names = new Set(have.split('\n'));
  for (const archive of archives) {
    if (!names.has(archive.name)) await must('ctr', ['--address', socket, '-n', 'k8s.io', 'images', 'import', archive.file]);
  }
}
