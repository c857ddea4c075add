import type { Container } from 'kubernetes-types/core/v1';
import type { NodeInfo } from '../../cache/node-info.ts';
import type { PodInfo } from '../../cache/pod-info.ts';
import type { CycleState, StateData } from '../../framework/cycle-state.ts';
import { maxNodeScore, type PreScorePlugin, type ScorePlugin } from '../../framework/interface.ts';
import { success } from '../../framework/status.ts';

const name = 'ImageLocality';
const mebibyte = 1024 * 1024;
/** Less than this is not worth a detour. */
const minThresholdBytes = 23 * mebibyte;
const maxContainerThresholdBytes = 1000 * mebibyte;

interface Image { readonly name: string; readonly spread: number }
interface ScoreState extends StateData { readonly images: readonly Image[]; readonly containers: number }

/** As nodes report it: with a tag. */
function normalizedImageName(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image;
}

/**
 * Prefers nodes that have the pod's images. An image counts the more nodes have it, so that one node with a rare
 * image does not draw all pods.
 */
export const imageLocality: PreScorePlugin & ScorePlugin = {
  name,
  preScore(state: CycleState, pod: PodInfo, _candidates, snapshot) {
    const containers: Container[] = [...(pod.pod.spec?.initContainers ?? []), ...(pod.pod.spec?.containers ?? [])];
    const images = containers.map((container) => normalizedImageName(container.image ?? ''))
      .map((image) => ({ name: image, spread: snapshot.imageSpread(image) / Math.max(1, snapshot.nodes.length) }));
    const data: ScoreState = { images, containers: containers.length, clone: () => data };
    state.write(name, data);
    return success;
  },
  sameForAll: ({ table }) => !table.anyImages,
  score(state: CycleState, _pod: PodInfo, node: NodeInfo) {
    const data = state.read<ScoreState>(name);
    if (data === undefined) return 0;
    let sumBytes = 0;
    for (const image of data.images) sumBytes += Math.floor((node.images.get(image.name) ?? 0) * image.spread);
    const maxThresholdBytes = maxContainerThresholdBytes * data.containers;
    const clamped = Math.min(Math.max(sumBytes, minThresholdBytes), maxThresholdBytes);
    return Math.floor((maxNodeScore * (clamped - minThresholdBytes)) / (maxThresholdBytes - minThresholdBytes));
  },
};
