/** A file of the store that is not what was written. */
export class StoreCorruption extends Error {
  readonly file: string;
  readonly offset: number;
  readonly what: string;
  constructor(file: string, offset: number, what: string) {
    super(`the store is damaged: ${file} at offset ${offset}: ${what}; this member must not serve it: restore its data directory from a copy, or empty it while all other members are healthy: it then fetches the state from them`);
    this.name = 'StoreCorruption';
    this.file = file;
    this.offset = offset;
    this.what = what;
  }
}
