import { DiskError, type Disk } from '@coxswain/host';

/** Says at once, in one line, what would otherwise come up as some failed operation. A full disk is no reason not to start. */
export async function checkDataDir(disk: Disk, dataDir: string): Promise<void> {
  try {
    if (!await disk.exists(dataDir)) await disk.makeDirectory(dataDir, { mode: 0o700 });
    const probe = `${dataDir}/.touch`;
    await (await disk.open(probe, 'create')).close();
    await disk.remove(probe);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    if (error.kind !== 'no-space') throw new Error(`the data directory ${dataDir} cannot be written (${error.message}): give it to the user who runs this member, or name another one with --data-dir`, { cause: error });
  }
}
