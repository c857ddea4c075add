import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** A program on a terminal of its own (util-linux's `script` makes it), and somebody who types. */
export class Terminal {
  readonly #child: ChildProcessWithoutNullStreams;
  #text = '';
  #seen = 0;
  readonly #waiting = new Set<() => void>();
  /** Exit code. */
  readonly ended: Promise<number>;

  constructor(argv: readonly string[], options: { readonly env: NodeJS.ProcessEnv; readonly rows: number; readonly columns: number }) {
    const command = `stty rows ${options.rows} cols ${options.columns}; exec ${argv.map(quoted).join(' ')}`;
    this.#child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...options.env, TERM: 'xterm' }, stdio: 'pipe' });
    const onData = (data: Buffer): void => {
      this.#text += data.toString('utf8');
      for (const wake of this.#waiting) wake();
    };
    this.#child.stdout.on('data', onData);
    this.#child.stderr.on('data', onData);
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code) => {
        resolve(code ?? 1);
        for (const wake of this.#waiting) wake();
      });
    });
  }

  /** Everything that was shown. */
  get text(): string {
    return this.#text;
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Awaits what matches in what was shown since the last match. */
  async shows(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    let isOver = false;
    void this.ended.then(() => { isOver = true; });
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.#text.slice(this.#seen));
      if (match !== null) {
        this.#seen += match.index + match[0].length;
        return match;
      }
      if (isOver || performance.now() > deadlineMs) throw new Error(`${isOver ? 'ended' : 'silent'} before ${String(pattern)}: ${JSON.stringify(this.#text)}`);
      await this.#change(deadlineMs - performance.now());
    }
  }

  #change(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, atMostMs);
      this.#waiting.add(done);
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
