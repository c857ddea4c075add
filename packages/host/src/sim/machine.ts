import { SimulatedDisk } from './disk.ts';
import type { EventLoop } from './event-loop.ts';

/** A machine: one address, one disk, any number of processes, one after another or side by side. */
export interface Machine {
  readonly name: string;
  readonly address: string;
  readonly disk: SimulatedDisk;
  /** Added to the wall clock of its processes: may be set at any time, as somebody who sets the date does. */
  clockOffsetMs: number;
  /** How fast its clocks and timers run: 1.01 gains a hundredth. */
  clockRate: number;
}

export class SimulatedMachine implements Machine {
  readonly name: string;
  readonly address: string;
  readonly disk = new SimulatedDisk();
  readonly #loop: EventLoop;
  clockOffsetMs = 0;
  #rate = 1;
  #sinceMs = 0;
  #atSinceMs = 0;

  constructor(name: string, address: string, loop: EventLoop) {
    this.name = name;
    this.address = address;
    this.#loop = loop;
  }

  get clockRate(): number {
    return this.#rate;
  }

  set clockRate(rate: number) {
    this.#atSinceMs = this.monotonicMs;
    this.#sinceMs = this.#loop.nowMs;
    this.#rate = rate;
  }

  get monotonicMs(): number {
    return this.#atSinceMs + (this.#loop.nowMs - this.#sinceMs) * this.#rate;
  }
}
