import { join } from "node:path";
import { root } from "./program.ts";

/** The files below `folder` whose name ends in `ending`, committed or not, sorted. */
export async function filesBelow(folder: string, ending: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(join(root, folder))) {
    if (isDirectory) files.push(...await filesBelow(`${folder}/${name}`, ending));
    if (isFile && `/${name}`.endsWith(ending)) files.push(`${folder}/${name}`);
  }
  return files.sort();
}

/** The functions as the Supabase CLI finds them: the folders of `functions/` with an index.ts. */
export async function functionNames(): Promise<string[]> {
  const paths = await filesBelow("functions", "/index.ts");
  return paths.map((path) => path.split("/")).filter(({ length }) => length === 3).map(([, name]) => name!);
}
