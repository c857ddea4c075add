import { keysIn } from './pages.ts';
import { copyLeases } from './leases.ts';
import { followSource } from './follow.ts';
import { putAll } from './put.ts';
import { rangeOf } from './range.ts';
import { raiseRevision } from './raise.ts';
import { verify } from './verify.ts';
import type { MigrateOptions, MigrateResult } from './types.ts';

/**
 * Copies a store as it stood at one revision into another etcd (ours or a real one) over the wire: keys, values and leases
 * with what is left of their time. Versions and revisions of single keys are the target's own; the target's revision ends
 * not below the source's, so that who moves over never sees time run backwards. Rejects if the target has keys already
 * (unless they may be overwritten), and if both differ at the end.
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const { source, target, report } = options;
  const range = rangeOf(options.prefix);
  await makeRoom(options);
  const { revision, count } = await source.range({ ...range, countOnly: true });
  report(`source: ${count} keys at revision ${revision}`);
  const leases = await copyLeases(source, target, range, revision);
  if (leases.size > 0) report(`${leases.size} leases granted on the target with what is left of their time`);
  let copied = 0;
  for await (const page of keysIn(source, range, revision)) {
    await putAll(target, page, leases);
    copied += page.length;
    report(`${copied} of ${count} keys copied`);
  }
  const sourceRevision = options.follow === undefined ? revision : await followSource(options, revision, leases, options.follow);
  const keys = await verify(source, target, range, sourceRevision);
  report(`verified: ${keys} keys (all that are on no lease) and their values are equal at the source's revision ${sourceRevision}`);
  const targetRevision = await raiseRevision(target, sourceRevision, report);
  return { sourceRevision, targetRevision, keys, leases: leases.size };
}

async function makeRoom({ target, prefix, overwrite, report }: MigrateOptions): Promise<void> {
  const range = rangeOf(prefix);
  const { count } = await target.range({ ...range, countOnly: true });
  if (count === 0) return;
  if (!overwrite) throw new Error(`the target has ${count} keys in this range already; --overwrite deletes them first`);
  const { deleted } = await target.deleteRange(range);
  report(`${deleted} keys of the target deleted`);
}
