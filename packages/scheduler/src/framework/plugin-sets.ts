import type {
  BindPlugin, FilterPlugin, PermitPlugin, PostBindPlugin, PostFilterPlugin, PreBindPlugin, PreEnqueuePlugin, PreFilterPlugin,
  PreScorePlugin, QueueSortPlugin, ReservePlugin, ScorePlugin,
} from './interface.ts';

/** Extension points by their names in the configuration. */
export type ExtensionPoint =
  | 'preEnqueue' | 'queueSort' | 'preFilter' | 'filter' | 'postFilter' | 'preScore' | 'score' | 'reserve' | 'permit' | 'preBind' | 'bind' | 'postBind';

export interface WeightedScore { readonly plugin: ScorePlugin; readonly weight: number }

/** The plugins of one profile, in the order in which they are asked. */
export interface PluginSets {
  readonly preEnqueue: readonly PreEnqueuePlugin[];
  readonly queueSort: readonly QueueSortPlugin[];
  readonly preFilter: readonly PreFilterPlugin[];
  readonly filter: readonly FilterPlugin[];
  readonly postFilter: readonly PostFilterPlugin[];
  readonly preScore: readonly PreScorePlugin[];
  readonly score: readonly WeightedScore[];
  readonly reserve: readonly ReservePlugin[];
  readonly permit: readonly PermitPlugin[];
  readonly preBind: readonly PreBindPlugin[];
  readonly bind: readonly BindPlugin[];
  readonly postBind: readonly PostBindPlugin[];
}
