import { fromUtf8, type Host } from '@coxswain/host';
import type { ContainerStatus } from '../cri/types.ts';
import { parseLogLine } from '../server/log-line.ts';
import { terminationMessagePathLabel, terminationMessagePolicyLabel } from './labels.ts';

const maxFileBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;

/** What an ended container left in its termination file, or, if it failed and the policy says so, the end of its log. */
export function terminationMessageReader(host: Host): (status: ContainerStatus & { mounts?: { containerPath: string; hostPath: string }[] }) => Promise<string> {
  return async (status) => {
    const path = status.annotations[terminationMessagePathLabel];
    const file = status.mounts?.find((mount) => mount.containerPath === path)?.hostPath;
    const text = file === undefined ? '' : await host.disk.readFile(file).then((data) => fromUtf8(data.slice(0, maxFileBytes)), () => '');
    if (text !== '' || status.annotations[terminationMessagePolicyLabel] !== 'FallbackToLogsOnError' || status.exitCode === 0) return text === '' ? status.message : text;
    return await logTail(host, status.logPath);
  };
}

async function logTail(host: Host, path: string): Promise<string> {
  const data = await host.disk.readFile(path).catch(() => new Uint8Array(0));
  const lines = fromUtf8(data).split('\n').filter((line) => line !== '').slice(-maxLogLines);
  return lines.map((line) => parseLogLine(line)?.text ?? '').join('').slice(-maxLogBytes);
}
