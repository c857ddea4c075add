const revivalsMax = 3;

/** The codes with which a socket says that nobody listens. */
export const nobodyThere: readonly string[] = ['ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'ECONNRESET'];

export interface KeeperOptions {
  /** Starts one that adopts what the last one started; resolves when it answers. */
  readonly start: () => Promise<void>;
  readonly tell: (text: string) => void;
}

/** Calls to a supervisor that may be killed meanwhile: then another one is started, once for all calls that wait, and asked again. */
export class SupervisorKeeper {
  readonly #options: KeeperOptions;
  #starting: Promise<void> | undefined;
  #revivals = 0;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Rejects as `call` does, also when supervisors keep ending. `call` may be done twice. */
  async ask<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!nobodyThere.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
        if (this.#starting === undefined && this.#revivals === revivalsMax) throw error;
        await (this.#starting ??= this.#revive());
      }
    }
  }

  async #revive(): Promise<void> {
    this.#revivals += 1;
    this.#options.tell('the supervisor ended; another one goes on with what it had started');
    try {
      await this.#options.start();
    } finally {
      this.#starting = undefined;
    }
  }
}
