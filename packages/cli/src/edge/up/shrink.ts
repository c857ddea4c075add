import { isNotFound, resources, type Client } from '@coxswain/client';
import { defaultFleetConfig, fleetLabel } from '@coxswain/kubelet/hollow';
import type { ComponentSpec } from '../../component.ts';
import type { DataPaths } from '../../paths.ts';
import { nodeHosts, type ClusterSettings } from '../../settings.ts';
import type { Progress } from '../progress.ts';
import { stopComponents, supervisorStatus } from '../supervisor/control.ts';
import { killShims, nodeNames, removeCgroups, removeFolder, unmountBelow } from './leftovers.ts';
import { removeNamespacesBut } from './network.ts';
import { stopPods } from './pods.ts';

const hollowPrefix = defaultFleetConfig(0).namePrefix;

function formerNodes(settings: ClusterSettings, paths: DataPaths): readonly string[] {
  return nodeNames(paths).filter((name) => !nodeHosts(settings).some((node) => node.name === name));
}

/** Ends what runs from before and is not wanted now: nodes beyond `--nodes`, API servers of another `--apiservers`. */
export async function stopUnwanted(settings: ClusterSettings, paths: DataPaths, specs: readonly ComponentSpec[], progress: Progress): Promise<void> {
  const former = formerNodes(settings, paths);
  const unwanted = (await supervisorStatus(paths.root)).map((component) => component.name).filter((name) => !specs.some((spec) => spec.name === name));
  if (former.length === 0 && unwanted.length === 0) return;
  await progress.step(`ending ${[...former, ...unwanted.filter((name) => !former.some((node) => name.endsWith(`-${node}`)))].join(', ')}`, async () => {
    // A runtime goes after its pods, and they after the agents that would start them again.
    await stopComponents(paths.root, unwanted.filter((name) => !name.startsWith('containerd')));
    await Promise.all(former.map((name) => stopPods(paths.node(name).containerdSocket)));
    await stopComponents(paths.root, unwanted);
    for (const name of former) await removeRemains(paths, name);
    await removeNamespacesBut(nodeHosts(settings));
  });
}

async function removeRemains(paths: DataPaths, name: string): Promise<void> {
  const node = paths.node(name);
  killShims(node.containerdSocket);
  await removeCgroups(`coxswain/${name}`);
  await unmountBelow([node.root, node.containerdState]);
  removeFolder(node.containerdState);
}

async function unlessMissing(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Hollow nodes beyond `--hollow`, which have nobody who speaks for them. */
async function formerHollowNodes(settings: ClusterSettings, client: Client): Promise<readonly string[]> {
  const { items } = await client.list(resources.nodes, { labelSelector: `${fleetLabel}=${hollowPrefix}` });
  return items.map(({ metadata }) => metadata?.name ?? '').filter((name) => Number(name.slice(hollowPrefix.length + 1)) >= settings.hollow);
}

/** Takes former nodes out of the cluster; a later node of the same name joins as a new one. */
export async function forgetNodes(settings: ClusterSettings, paths: DataPaths, client: Client): Promise<void> {
  for (const name of [...formerNodes(settings, paths), ...await formerHollowNodes(settings, client)]) {
    await unlessMissing(client.delete(resources.nodes, { name }));
    // Nothing of them runs; the pod garbage collector would come to that conclusion a minute later.
    const { items } = await client.list(resources.pods, { fieldSelector: `spec.nodeName=${name}` });
    await Promise.all(items.map(({ metadata }) => unlessMissing(client.delete(resources.pods, { namespace: metadata?.namespace, name: metadata?.name ?? '' }, { gracePeriodSeconds: 0 }))));
    removeFolder(paths.node(name).root);
  }
}
