/** A file of the store that is not what was written. */
export class StoreCorruption extends Error {
  readonly file: string;
  readonly offset: number;
  readonly what: string;
  constructor(file: string, offset: number, what: string) {
    super(`the store is damaged: ${file} at offset ${offset}: ${what}; this member must not serve it: replace this member while the others have a quorum (\`cox etcd member replace\`, or \`etcdctl member remove\` and \`member add\`), and start it with an empty data directory`);
    this.name = 'StoreCorruption';
    this.file = file;
    this.offset = offset;
    this.what = what;
  }
}
