/** What Deno's JUnit report says: how the tests ended, and which files had any. Steps of a test count as tests. */
export type Report = { passed: number; failed: number; skipped: number; files: string[] };

/**
 * Reads the report that `deno test --junit-path` writes. Names and messages in it are escaped, so a tag in the text is a tag.
 * A test that was cancelled because another one broke the file is an `error`, not a `failure`; both count as failed.
 */
export function parseReport(xml: string): Report {
  const report: Report = { passed: 0, failed: 0, skipped: 0, files: [] };
  for (const [, body] of xml.matchAll(/<testcase [^>]*>(.*?)<\/testcase>/gs)) {
    if (/<(failure|error)\b/.test(body!)) report.failed++;
    else if (/<skipped\b/.test(body!)) report.skipped++;
    else report.passed++;
  }
  for (const [, name] of xml.matchAll(/<testsuite name="([^"]*)"/g)) report.files.push(name!.replace(/^\.\//, ""));
  return report;
}
