import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../dashboard", import.meta.url));

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  json: "application/json",
};

export type PageFile = { body: Uint8Array<ArrayBuffer>; type: string };

/** The dashboard's files by their paths. They are read once, so that no request can name another file. */
export async function readPage(): Promise<Map<string, PageFile>> {
  const files = new Map<string, PageFile>();
  await addFolder("", files);
  return files;
}

async function addFolder(path: string, files: Map<string, PageFile>): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(join(folder, path))) {
    const inner = `${path}/${name}`;
    const type = TYPES[name.split(".").at(-1)!];
    if (isDirectory) await addFolder(inner, files);
    else if (type) files.set(inner, { body: await Deno.readFile(join(folder, inner)), type });
  }
}
