import type { PreemptionReport } from '../framework/interface.ts';
import type { GangReport } from './decision-log.ts';

/** Why a pod went where it went, or nowhere. Times are RFC 3339. */
export interface Explanation {
  readonly kind: 'PodExplanation';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly scheduler: string;
  /** Which try of the pod this was, from 1; 0 before the first. */
  readonly attempt: number;
  readonly time: string;
  /** `gang`: it was given back with its gang, whatever was found for it alone; `unbound`: it was placed, and its binding came to nothing; `held`: it is not to be tried yet. */
  readonly outcome: 'placed' | 'unfit' | 'no-nodes' | 'error' | 'gang' | 'unbound' | 'held';
  /** Absent unless one was chosen. */
  readonly node?: string;
  /** As in the pod's condition; '' if it was placed. */
  readonly message: string;
  readonly nodes: { readonly total: number; readonly evaluated: number; readonly feasible: number };
  /** Nodes by what refused them, most first. */
  readonly rejections: readonly RejectionGroup[];
  /** Feasible nodes, best first; all of them only if asked for. */
  readonly scores: readonly NodeScore[];
  /** Every node that was looked at; only if asked for. */
  readonly verdicts?: readonly NodeVerdict[];
  readonly preemption?: PreemptionReport;
  /** Only if the gang could not be admitted. */
  readonly gang?: GangReport;
  /** What alone would have made it fit, least first; each was tried. Empty if it was placed. */
  readonly changes: readonly SuggestedChange[];
}

export interface RejectionGroup {
  /** An extender is named `extender URL`. */
  readonly plugin: string;
  readonly reasons: readonly string[];
  readonly count: number;
  /** Some of them. */
  readonly examples: readonly string[];
}

export interface PluginScore {
  readonly plugin: string;
  readonly weight: number;
  /** As the plugin gave it, and brought to 0..100. */
  readonly raw: number;
  readonly normalized: number;
}

export interface NodeScore {
  readonly node: string;
  readonly total: number;
  readonly plugins: readonly PluginScore[];
}

export interface NodeVerdict {
  readonly node: string;
  readonly feasible: boolean;
  readonly plugin: string;
  readonly reasons: readonly string[];
}

export interface SuggestedChange {
  /** The pod, or one node. */
  readonly target: string;
  readonly change: string;
  /** Nodes on which the pod would then fit. */
  readonly nodes: number;
  readonly examples: readonly string[];
}
