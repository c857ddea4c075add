import { registerHooks } from 'node:module';

/** A text of a source file, and what stands there instead. */
export interface Edit {
  /** Under packages/. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  /** What is wrong with it. */
  readonly bug: string;
  readonly edits: readonly Edit[];
  /** It is found within so many seeds, from 1 on. */
  readonly maxSeeds: number;
  /** Shown with every change. */
  readonly always?: boolean;
}

/** The source has moved on: nothing was tried. */
export class MisfitError extends Error {}

/** Changes source files as they are loaded; call it before they are. A text that is not there exactly once is an error. */
export function mutate({ name, edits }: Mutant): void {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      const own = edits.filter((edit) => url.endsWith(`/packages/${edit.file}`));
      if (own.length === 0) return loaded;
      let source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source as Uint8Array);
      for (const { file, find, replace } of own) {
        const parts = source.split(find);
        if (parts.length !== 2) throw new MisfitError(`${file} holds this ${parts.length - 1} times instead of once; adapt the mutant ${name}: ${find}`);
        source = parts.join(replace);
      }
      return { ...loaded, source };
    },
  });
}
