import { expect, test } from 'vitest';
import type { ContainerRuntime, ContainerStatus } from '../cri/types.ts';
import { containerNameLabel, podUidLabel } from './labels.ts';
import { PodStateReader } from './runtime-state.ts';

test('what an ended container left is read once, however many pods are looked at in between', async () => {
  const ended = (id: string): ContainerStatus => ({
    id, metadata: { name: 'c', attempt: 0 }, state: 'CONTAINER_EXITED', createdAt: 1, startedAt: 1, finishedAt: 2, exitCode: 1, image: { image: 'i:1' }, imageRef: 'r', reason: '', message: '', labels: {}, annotations: {}, logPath: '',
  });
  const runtime: Pick<ContainerRuntime, 'listPodSandboxes' | 'listContainers' | 'containerStatus'> = {
    listPodSandboxes: async () => [],
    listContainers: async (filter) => {
      const uid = filter?.labelSelector?.[podUidLabel] ?? '';
      return [{ id: `c-${uid}`, podSandboxId: 's', metadata: { name: 'c', attempt: 0 }, imageRef: 'r', state: 'CONTAINER_EXITED', createdAt: 1, labels: { [containerNameLabel]: 'c' }, annotations: {} }];
    },
    containerStatus: async (id) => ended(id),
  };
  // The pod's folder is removed when the pod has ended, and its message with it.
  let hasFolder = true;
  const reader = new PodStateReader(runtime as ContainerRuntime, async () => (hasFolder ? 'last words' : ''));
  const message = async (uid: string): Promise<string | undefined> => (await reader.read(uid)).containers[0]?.status.message;
  expect([await message('one'), await message('two')]).toEqual(['last words', 'last words']);
  hasFolder = false;
  expect([await message('one'), await message('two'), await message('three')]).toEqual(['last words', 'last words', '']);
});
