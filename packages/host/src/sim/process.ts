import type { Host } from '../host.ts';
import type { Machine } from './machine.ts';
import type { SeededRandom } from './prng.ts';

interface Held { readonly event: () => void; readonly source: object }

/**
 * One running program: a Host whose every effect ends with `kill`. Promises that wait for it then never settle,
 * so the program stops where it is, as with kill -9.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly machine: Machine;
  readonly host: Host;
  alive = true;
  readonly onKill = new Set<() => void>();
  #paused: Held[] | undefined;

  constructor(name: string, machine: Machine, makeHost: (process: SimulatedProcess) => Host) {
    this.name = name;
    this.machine = machine;
    this.host = makeHost(this);
  }

  /** What happens to it: never if it is dead, later while it is paused. `source`: a connection, whose events stay in order. */
  deliver(event: () => void, source: object = this): void {
    if (!this.alive) return;
    if (this.#paused === undefined) event();
    else this.#paused.push({ event, source });
  }

  get paused(): boolean {
    return this.#paused !== undefined;
  }

  /** SIGSTOP: time, messages and the disk go on without it. */
  pause(): void {
    this.#paused ??= [];
  }

  /** SIGCONT: all that has happened meanwhile happens to it now; which connection it reads first is a matter of chance. */
  resume(schedule: (event: () => void) => void, random: SeededRandom): void {
    const waiting = new Map<object, (() => void)[]>();
    for (const { event, source } of this.#paused ?? []) {
      const own = waiting.get(source);
      if (own === undefined) waiting.set(source, [event]);
      else own.push(event);
    }
    this.#paused = undefined;
    const queues = [...waiting];
    while (queues.length > 0) {
      const at = Math.floor(random.float() * queues.length);
      const [source, events] = queues[at] as [object, (() => void)[]];
      const event = events.shift() as () => void;
      schedule(() => { this.deliver(event, source); });
      if (events.length === 0) queues.splice(at, 1);
    }
  }
}
