import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isPackaged } from "../install/release.ts";

// The npm package contains the whole command in dist/lapse.mjs.
const folder = fileURLToPath(new URL(isPackaged ? "../dashboard" : "../../dashboard", import.meta.url));

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  json: "application/json",
};

export type PageFile = { body: Uint8Array<ArrayBuffer>; type: string };

/** The dashboard's files by path. They are read once at the start, so a request cannot name any other file. */
export async function readPage(): Promise<Map<string, PageFile>> {
  const files = new Map<string, PageFile>();
  await addFolder("", files);
  return files;
}

async function addFolder(path: string, files: Map<string, PageFile>): Promise<void> {
  for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
    const inner = `${path}/${entry.name}`;
    const type = TYPES[entry.name.split(".").at(-1)!];
    if (entry.isDirectory()) await addFolder(inner, files);
    else if (type) files.set(inner, { body: new Uint8Array(await readFile(join(folder, inner))), type });
  }
}
