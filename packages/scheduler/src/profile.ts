import type { Timers } from '@coxswain/host';
import type { EnabledPlugin, ProfileConfig } from './config.ts';
import { Framework } from './framework/framework.ts';
import type { ExtensionPoint, PluginSets } from './framework/plugin-sets.ts';
import type {
  AnyPlugin, BindPlugin, FilterPlugin, PermitPlugin, PostBindPlugin, PostFilterPlugin, PreBindPlugin, PreEnqueuePlugin, PreFilterPlugin,
  PreScorePlugin, QueueSortPlugin, ReservePlugin, ScorePlugin,
} from './framework/interface.ts';
import type { PluginHandle } from './plugins/handle.ts';
import { registry } from './plugins/registry.ts';

/** The method by which a plugin is known to have an extension point. */
const methodOf: Readonly<Record<ExtensionPoint, keyof AnyPlugin>> = {
  preEnqueue: 'preEnqueue', queueSort: 'less', preFilter: 'preFilter', filter: 'filter', postFilter: 'postFilter', preScore: 'preScore', score: 'score',
  reserve: 'reserve', permit: 'permit', preBind: 'preBind', bind: 'bind', postBind: 'postBind',
};

/** In the order in which they are asked, whether or not they have that point. */
export function enabledAt(profile: ProfileConfig, point: ExtensionPoint): readonly EnabledPlugin[] {
  const own = profile.points[point];
  if (own === undefined) return profile.multiPoint;
  const named = new Set<string>(own.enabled.map(({ name }) => name));
  const inherited = profile.multiPoint.filter(({ name }) => !named.has(name) && !own.disabled.has(name) && !own.disabled.has('*'));
  return [...inherited, ...own.enabled];
}

/** Makes each plugin of the profile once, and sorts them by extension point. */
export function makeFramework(profile: ProfileConfig, handle: Omit<PluginHandle, 'framework' | 'schedulerName'>, timers: Timers): Framework {
  const made = new Map<string, AnyPlugin>();
  let framework: Framework | undefined;
  const full: PluginHandle = { ...handle, schedulerName: profile.schedulerName, framework: () => framework as Framework };
  const make = ({ name }: EnabledPlugin): AnyPlugin => {
    const plugin = made.get(name) ?? registry[name](profile.args, full);
    made.set(name, plugin);
    return plugin;
  };
  const at = <T>(point: ExtensionPoint): readonly T[] =>
    enabledAt(profile, point).map(make).filter((plugin) => plugin[methodOf[point]] !== undefined) as readonly unknown[] as readonly T[];
  const sets: PluginSets = {
    preEnqueue: at<PreEnqueuePlugin>('preEnqueue'), queueSort: at<QueueSortPlugin>('queueSort'), preFilter: at<PreFilterPlugin>('preFilter'),
    filter: at<FilterPlugin>('filter'), postFilter: at<PostFilterPlugin>('postFilter'), preScore: at<PreScorePlugin>('preScore'),
    score: enabledAt(profile, 'score').map((enabled) => ({ plugin: make(enabled) as ScorePlugin, weight: enabled.weight }))
      .filter(({ plugin }) => plugin.score !== undefined),
    reserve: at<ReservePlugin>('reserve'), permit: at<PermitPlugin>('permit'), preBind: at<PreBindPlugin>('preBind'),
    bind: [...(handle.extenders.bind ? [handle.extenders.binder(handle.leadership)] : []), ...at<BindPlugin>('bind')], postBind: at<PostBindPlugin>('postBind'),
  };
  framework = new Framework(profile.schedulerName, sets, timers);
  return framework;
}
