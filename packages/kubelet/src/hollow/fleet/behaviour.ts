import { parseGoDuration } from '@coxswain/service';

/** A time, or one out of a range: which one is decided by the fleet's seed and the pod's uid. */
export interface Span { readonly fromMs: number; readonly toMs: number }

/** What the containers of a pod do that has no containers. */
export interface PodBehaviour {
  /** From the sandbox to the first container, as if images were pulled. */
  readonly startAfter: Span;
  /** How long an init container takes. */
  readonly initFor: Span;
  /** From a container's start to its readiness; undefined: its probe's initialDelaySeconds, without a probe at once. */
  readonly readyAfter: Span | undefined;
  /** From an app container's start to its end; undefined: until it is stopped. */
  readonly runFor: Span | undefined;
  readonly exitCode: number;
  /** Share of the ends that have `exitCode`; the others end well. */
  readonly failShare: number;
  /** From the pod's deletion to the end of its containers, at most the grace period. */
  readonly stopAfter: Span;
}

const atOnce: Span = { fromMs: 0, toMs: 0 };

export const runsForEver: PodBehaviour = { startAfter: atOnce, initFor: atOnce, readyAfter: undefined, runFor: undefined, exitCode: 0, failShare: 1, stopAfter: atOnce };

/** A field is refused with what it should be. */
export class BehaviourError extends Error {}

function span(text: string): Span {
  const [from = '', to = from, ...more] = text.split('-');
  const [fromMs, toMs] = [parseGoDuration(from), parseGoDuration(to)];
  if (fromMs === undefined || toMs === undefined || more.length > 0 || toMs < fromMs) throw new BehaviourError('a duration such as 5s, or a range such as 5s-1m30s');
  return { fromMs, toMs };
}

function number(text: string, least: number, most: number, whole: boolean): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most) || (whole && !Number.isInteger(value))) throw new BehaviourError(`a ${whole ? 'whole ' : ''}number from ${least} to ${most}`);
  return value;
}

type Set = (text: string) => Partial<PodBehaviour>;

const fields = {
  'start-after': (text) => ({ startAfter: span(text) }),
  'init-for': (text) => ({ initFor: span(text) }),
  'ready-after': (text) => ({ readyAfter: span(text) }),
  'run-for': (text) => ({ runFor: text === 'forever' ? undefined : span(text) }),
  'crash-every': (text) => ({ runFor: span(text), exitCode: 1 }),
  'exit-code': (text) => ({ exitCode: number(text, 0, 255, true) }),
  'fail-share': (text) => ({ failShare: number(text, 0, 1, false) }),
  'stop-after': (text) => ({ stopAfter: span(text) }),
} as const satisfies Readonly<Record<string, Set>>;

export type BehaviourField = keyof typeof fields;

/** In the order in which they are read: what a later one says wins. */
export const behaviourFields = Object.keys(fields) as readonly BehaviourField[];

/** Throws BehaviourError. */
export function readField(name: BehaviourField, text: string): Partial<PodBehaviour> {
  return fields[name](text);
}

/** Where in the span, for a number in [0, 1). */
export function pick({ fromMs, toMs }: Span, at: number): number {
  return Math.round(fromMs + (toMs - fromMs) * at);
}
