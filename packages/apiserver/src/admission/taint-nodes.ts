import type { Node } from 'kubernetes-types/core/v1';
import { typed } from '../typed.ts';
import type { AdmissionPlugin } from '../types.ts';
import { isResource } from './attributes.ts';

const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

/** A new node takes no pods before the node lifecycle controller has seen it ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  operations: ['CREATE'],
  admit(a) {
    if (!isResource(a, '', 'nodes') || a.object === undefined) return Promise.resolve();
    const node = typed<Node>(a.object);
    node.spec ??= {};
    const taints = node.spec.taints ?? [];
    if (!taints.some((one) => one.key === taint.key && one.effect === taint.effect)) node.spec.taints = [...taints, { ...taint }];
    return Promise.resolve();
  },
};
