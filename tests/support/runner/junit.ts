/** What Deno's JUnit report says: how the tests ended, what failed with which message, and which files had any. Steps count as tests. */
export type Report = { passed: number; failed: number; skipped: number; failures: string[]; files: string[] };

/**
 * Reads the report that `deno test --junit-path` writes. Names and messages in it are escaped, so a tag in the text is a tag.
 * A test that was cancelled because another one broke the file is an `error`, not a `failure`; both count as failed.
 */
export function parseReport(xml: string): Report {
  const report: Report = { passed: 0, failed: 0, skipped: 0, failures: [], files: [] };
  for (const [, name, body] of xml.matchAll(/<testcase name="([^"]*)"[^>]*>(.*?)<\/testcase>/gs)) {
    const [, message] = /<(?:failure|error)\b(?:[^>]*? message="([^"]*)")?/.exec(body!) ?? [body, undefined];
    if (/<(failure|error)\b/.test(body!)) {
      report.failed++;
      report.failures.push(oneLine(`${name}: ${message ?? "no message"}`));
    } else if (/<skipped\b/.test(body!)) report.skipped++;
    else report.passed++;
  }
  for (const [, name] of xml.matchAll(/<testsuite name="([^"]*)"/g)) report.files.push(name!.replace(/^\.\//, ""));
  return report;
}

/** Enough to see what failed; the rest is in the output of the test. */
function oneLine(text: string): string {
  const plain = text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: keyof typeof ENTITIES) => ENTITIES[name]!);
  return plain.replace(/\s+/g, " ").slice(0, 400);
}

const ENTITIES = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
