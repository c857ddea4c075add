import { registerHooks } from 'node:module';

/** A text of a source file, and what stands there instead while the mutant runs. */
export interface Edit {
  /** Under packages/etcd-lite/src. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/**
 * Changes source files as they are loaded; call it before they are. The product's code knows nothing of mutants. A text that is
 * not there exactly once is an error: the code has changed, and the mutant must follow it.
 */
export function replaceSource(edits: readonly Edit[]): { readonly missing: () => readonly string[] } {
  const left = new Set(edits.map((edit) => edit.file));
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      const own = edits.filter((edit) => url.endsWith(`/packages/etcd-lite/src/${edit.file}`));
      if (own.length === 0) return loaded;
      let source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source as Uint8Array);
      for (const { file, find, replace } of own) {
        const parts = source.split(find);
        if (parts.length !== 2) throw new Error(`${file} holds this ${parts.length - 1} times instead of once; adapt test/mutations/mutants.ts: ${find}`);
        source = parts.join(replace);
        left.delete(file);
      }
      return { ...loaded, source };
    },
  });
  return { missing: () => [...left] };
}
