import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

type Bundle = { config: string; entry: string; output: string; options?: string[] };

/** The first bundle of this process. */
let first: Promise<void> | undefined;

/** Bundles `entry` with everything it imports into `output`, with its source map beside it. Throws if Deno cannot. */
export async function bundle(work: Bundle): Promise<void> {
  // Where Deno has never bundled, the first call installs its bundler. Several at once would get in each other's way.
  if (first === undefined) return await (first = runBundler(work));
  await first.catch(() => {});
  await runBundler(work);
}

async function runBundler({ config, entry, output, options = ["--minify"] }: Bundle): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--sourcemap=external", ...options, `--config=${config}`, `--output=${output}`, entry],
    cwd: root,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot bundle ${entry}: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Writes the function in the folder `source` as it is deployed: one bundle, so that no package has to be resolved. The
 * entry is TypeScript, because the platform looks for index.ts. The bundle is JavaScript: minified code that is parsed
 * as TypeScript could change its meaning.
 */
export async function bundleFunction(source: string, folder: string, { header = "" } = {}): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "index.ts"), `${header}import "./bundle.js";\n`);
  // The bundle must not use the shop's own import map.
  await Deno.writeTextFile(join(folder, "deno.json"), `{\n  "imports": {},\n  "exclude": ["bundle.js"]\n}\n`);
  await bundle({
    config: join(source, "deno.json"),
    entry: join(source, "index.ts"),
    output: join(folder, "bundle.js"),
  });
}
