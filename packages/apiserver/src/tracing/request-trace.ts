import type { Clock, Random } from '@coxswain/host';
import type { ApiServerParts } from '../types.ts';

/** Of one trace; none are needed where nobody collects them. */
export interface TraceIds {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId: Uint8Array;
  readonly sampled: boolean;
}

/** What a span says beside its name and times. */
export interface StepKind {
  /** `client`: somebody else is asked in it. */
  readonly span: 'internal' | 'client';
  /** Asked for only where the span is sent. */
  attributes(): Readonly<Record<string, string | number>>;
}

const plain: StepKind = { span: 'internal', attributes: () => ({}) };

/** A part of the work on a request, in the clock that only goes forward. A class: there are several to each request. */
export class Step implements RunningStep {
  readonly name: string;
  readonly kind: StepKind;
  readonly spanId: Uint8Array;
  readonly startMs: number;
  endMs: number;
  failed = false;
  readonly #clock: Clock;
  readonly #ids: TraceIds | undefined;

  constructor(name: string, clock: Clock, ids: TraceIds | undefined, spanId: Uint8Array, startMs: number, endMs = -1, kind = plain) {
    this.name = name;
    this.kind = kind;
    this.spanId = spanId;
    this.startMs = startMs;
    this.endMs = endMs;
    this.#clock = clock;
    this.#ids = ids;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#ids === undefined ? noHeaders : { traceparent: `00-${this.#ids.traceId.toHex()}-${this.spanId.toHex()}-${this.#ids.sampled ? '01' : '00'}` };
  }

  end(failed = false): void {
    this.endMs = this.#clock.monotonicMs();
    this.failed = failed;
  }
}

/** Called when the step is over. `headers`: what whoever is asked in it is told of the trace. */
export interface RunningStep {
  readonly headers: Readonly<Record<string, string>>;
  end(failed?: boolean): void;
}

const maxSteps = 64;
const noHeaders = {};
const noId = new Uint8Array(0);
const notKept: RunningStep = { headers: noHeaders, end: () => undefined };

/** Where the time of one request goes: told of one that was slow, and sent as spans of one that is sampled. */
export class RequestTrace {
  readonly steps: Step[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  /** Known once it is known who asks. */
  ids: TraceIds | undefined;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  begin(name: string, kind?: StepKind): RunningStep {
    if (this.steps.length >= maxSteps) return notKept;
    const step = this.#step(name, this.#clock.monotonicMs(), undefined, kind);
    this.steps.push(step);
    return step;
  }

  /** One that has been measured already. */
  add(name: string, startMs: number, endMs: number): void {
    if (this.steps.length < maxSteps) this.steps.push(this.#step(name, startMs, endMs));
  }

  #step(name: string, startMs: number, endMs?: number, kind?: StepKind): Step {
    return new Step(name, this.#clock, this.ids, this.ids === undefined ? noId : this.#random.bytes(8), startMs, endMs, kind);
  }
}

/** `work` as a step of the request that it is done for. */
export async function traced<T>(trace: RequestTrace | undefined, name: string, work: (headers: Readonly<Record<string, string>>) => Promise<T>, kind?: StepKind): Promise<T> {
  if (trace === undefined) return work(noHeaders);
  const step = trace.begin(name, kind);
  try {
    const result = await work(step.headers);
    step.end();
    return result;
  } catch (error) {
    step.end(true);
    throw error;
  }
}

export function tracedAdmission(admission: ApiServerParts['admission']): ApiServerParts['admission'] {
  return {
    admit: (attributes) => traced(attributes.notes.trace, 'mutating admission', () => admission.admit(attributes)),
    validate: (attributes) => traced(attributes.notes.trace, 'validating admission', () => admission.validate(attributes)),
  };
}
