import { execFile } from 'node:child_process';

class CommandFailure extends Error {
  readonly exitCode: number | undefined;
  constructor(message: string, exitCode: number | undefined) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}

/** Runs a program without a shell; answers its standard output. */
export function runCommand(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error === null) { resolve(stdout); return; }
      const detail = stderr.trim() === '' ? error.message : stderr.trim();
      reject(new CommandFailure(`${program} ${args.join(' ')}: ${detail}`, typeof error.code === 'number' ? error.code : undefined));
    });
  });
}
