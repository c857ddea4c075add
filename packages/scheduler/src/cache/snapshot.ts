import type { Labels } from '../selectors/labels.ts';
import type { NodeInfo } from './node-info.ts';

/**
 * What one scheduling cycle looks at. It is the cache itself, seen through a list whose order is fixed: a cycle up to its
 * assumption is synchronous, so nothing changes under it. After an await it must be taken anew.
 */
export interface Snapshot {
  /** Nodes that exist, zones taking turns. */
  readonly nodes: readonly NodeInfo[];
  readonly nodesWithAffinity: readonly NodeInfo[];
  readonly nodesWithRequiredAntiAffinity: readonly NodeInfo[];
  node(name: string): NodeInfo | undefined;
  /** How many nodes have the image. */
  imageSpread(image: string): number;
  readonly namespaceLabels: (namespace: string) => Labels;
}
