import type { Labels } from '../selectors/labels.ts';
import type { NodeTable } from '../table/node-table.ts';
import type { PodIndex } from '../table/pod-index.ts';
import type { NodeInfo } from './node-info.ts';

/**
 * What one scheduling cycle looks at. It is the cache itself: a cycle up to its assumption is synchronous, so nothing changes
 * under it. After an await whatever was read must be read again.
 */
export interface Snapshot {
  /** Nodes that exist, zones taking turns. */
  readonly nodes: readonly NodeInfo[];
  /** Their rows in the table, in the same order. */
  readonly rows: Int32Array;
  readonly table: NodeTable;
  readonly pods: PodIndex;
  node(name: string): NodeInfo | undefined;
  /** How many nodes have the image. */
  imageSpread(image: string): number;
  /** How many volumes of placed pods are the claim `namespace/name`. */
  claimUsers(key: string): number;
  readonly namespaceLabels: (namespace: string) => Labels;
}
