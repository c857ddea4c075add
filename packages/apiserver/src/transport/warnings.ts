import { utf8 } from '@coxswain/host';

const maxWarningsBytes = 4096;

/** RFC 7234 Warning values with upstream's code; repeated texts once, and no more than clients can take. */
export class Warnings {
  readonly #texts = new Set<string>();
  #sizeBytes = 0;

  add(text: string): void {
    if (text === '' || this.#texts.has(text)) return;
    this.#sizeBytes += utf8(text).length;
    if (this.#sizeBytes > maxWarningsBytes) return;
    this.#texts.add(text);
  }

  headers(): readonly string[] {
    return [...this.#texts].map((text) => `299 - "${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll(/\p{Cc}/gu, ' ')}"`);
  }
}
