import type { Device, DeviceSelector } from '@coxswain/api/dynamic-resources';
import { compileDeviceSelector, deviceBinding, deviceCostLimit, type BoundValue, type CompileResult } from '@coxswain/cel';
import type { OfferedDevice } from './pools.ts';

/** As many as are used at a time; the oldest goes. */
const maxPrograms = 256;

/** Expressions compiled once, and what they said of a device as long as it is the same object. */
export class DeviceSelectors {
  readonly #programs = new Map<string, CompileResult>();
  readonly #answers = new WeakMap<Device, Map<string, boolean>>();
  readonly #bindings = new WeakMap<Device, BoundValue>();

  /** Throws what cel says of a selector that is wrong, in the name of `owner`. */
  matches(offered: OfferedDevice, selectors: readonly DeviceSelector[], owner: string): boolean {
    return selectors.every(({ cel }, at) => this.#matches(offered, cel?.expression ?? '', `${owner}: selector #${at}`));
  }

  #matches({ device, pool }: OfferedDevice, expression: string, where: string): boolean {
    const answers = this.#answers.get(device) ?? new Map<string, boolean>();
    this.#answers.set(device, answers);
    const known = answers.get(expression);
    if (known !== undefined) return known;
    const compiled = this.#compile(expression);
    if (!compiled.ok) throw new Error(`${where}: CEL compile error: ${compiled.message}`);
    const found = compiled.program.evaluate({ device: this.#bind(device, pool.driver) }, { costLimit: deviceCostLimit });
    if (found.kind !== 'value') throw new Error(`${where}: CEL runtime error: ${found.kind === 'error' ? found.message : 'no authorizer'}`);
    const answer = found.value.scalar === true;
    answers.set(expression, answer);
    return answer;
  }

  #bind(device: Device, driver: string): BoundValue {
    const known = this.#bindings.get(device);
    if (known !== undefined) return known;
    const { attributes = {}, capacity = {} } = device.basic ?? {};
    const made = deviceBinding({ driver, attributes, capacity: Object.fromEntries(Object.entries(capacity).map(([name, { value }]) => [name, value])) });
    this.#bindings.set(device, made);
    return made;
  }

  #compile(expression: string): CompileResult {
    const known = this.#programs.get(expression);
    if (known !== undefined) return known;
    const made = compileDeviceSelector(expression);
    if (this.#programs.size >= maxPrograms) for (const oldest of this.#programs.keys()) { this.#programs.delete(oldest); break; }
    this.#programs.set(expression, made);
    return made;
  }
}
