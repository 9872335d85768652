#!/usr/bin/env node
// The command of the npm package, on plain Node. In the repository, npm run lapse runs the same code from its source.

import { main } from "../dist/lapse.mjs";

const code = await main(process.argv.slice(2));
// A client may keep connections open, and on some systems a pipe is written later than the program ends.
process.stdout.write("", () => process.exit(code));
