import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FollowedFile } from '../config-file/followed.ts';

const lookAgainMs = 60_000;

/** Looks when the directory says that something changed (files are often replaced by a link), and once a minute anyway. `first`: the text that is in use. */
export function followedFile(path: string, first: string, everyMs = lookAgainMs): FollowedFile {
  return {
    path,
    follow(reader, signal) {
      let known: string | undefined = first;
      let working = Promise.resolve();
      const look = async (): Promise<void> => {
        if (signal.aborted) return;
        let text: string;
        try {
          text = await readFile(path, 'utf8');
        } catch (error) {
          reader.unreadable(error);
          return;
        }
        if (text === known || signal.aborted) return;
        known = await reader.changed(text) === 'again' ? undefined : text;
      };
      const soon = (): void => { working = working.then(look); };
      const timer = setInterval(soon, everyMs).unref();
      const watcher = watch(dirname(path), { persistent: false, signal }, soon);
      watcher.on('error', () => watcher.close());
      signal.addEventListener('abort', () => clearInterval(timer), { once: true });
      // It may have changed since it was read.
      soon();
    },
  };
}
