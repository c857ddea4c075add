/** What `cox test` reads of vitest's JSON report. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    /** The file's absolute path. */
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string; readonly failureMessages: readonly string[] }[];
  }[];
}

const textLengthMax = 2000;

/** The beginning, without the test runner's own frames; the whole of it stands where it happened. */
function beginning(message: string): string {
  return message.split('\n').filter((line) => !(line.startsWith('    at ') && line.includes('/node_modules/'))).join('\n').slice(0, textLengthMax);
}

/** Each failed test, and each file that failed without one (it does not load, a hook failed): where, what, and how its message begins. */
export function failuresOf(report: VitestReport, root: string): string[] {
  return report.testResults.flatMap((file) => {
    const where = file.name.replace(root, '');
    const failed = file.assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0) return file.status === 'failed' ? [`${where}\n${beginning(file.message)}`] : [];
    return failed.map((test) => `${where}: ${test.fullName}\n${beginning(test.failureMessages.join('\n'))}`);
  });
}
