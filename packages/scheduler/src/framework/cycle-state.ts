/**
 * What the plugins of one scheduling cycle keep for each other and for themselves, by plugin and purpose.
 * Never outlives the cycle. Values that preemption changes on a trial implement `clone`.
 */
export interface StateData {
  clone(): StateData;
}

export class CycleState {
  readonly #data: Map<string, StateData>;
  /** Plugins whose Filter is passed over, because their PreFilter answered Skip. */
  readonly skippedFilters: Set<string>;
  readonly skippedScores = new Set<string>();
  /** The binding will wait for others, maybe for minutes: it does not count among the writes under way. Set by Reserve. */
  bindingWaits = false;

  constructor(data: Map<string, StateData> = new Map(), skippedFilters: Set<string> = new Set()) {
    this.#data = data;
    this.skippedFilters = skippedFilters;
  }

  read<T extends StateData>(key: string): T | undefined {
    return this.#data.get(key) as T | undefined;
  }

  write(key: string, value: StateData): void {
    this.#data.set(key, value);
  }

  clone(): CycleState {
    const data = new Map<string, StateData>();
    for (const [key, value] of this.#data) data.set(key, value.clone());
    return new CycleState(data, new Set(this.skippedFilters));
  }
}
