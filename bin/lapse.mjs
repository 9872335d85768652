#!/usr/bin/env node
// The command of the npm package, on plain Node. In the repository, npm run lapse runs the same code from its source.

// By a name that is put together: whoever checks the repository's types has built no package.
const { main } = await import(new URL("../dist/lapse.mjs", import.meta.url).href);

const code = await main(process.argv.slice(2));
// A client may keep connections open, and on some systems a pipe is written later than the program ends.
process.stdout.write("", () => process.exit(code));
