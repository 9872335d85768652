import assert from "node:assert/strict";
// Imported so that they are fetched; the copies are compared with the files beside them.
import "croner";
import "uplot";
import "@supabase/supabase-js";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "./project-files.ts";

const VENDORED = {
  "croner.js": "croner/dist/croner.js",
  "supabase.js": "@supabase/supabase-js/dist/umd/supabase.js",
  "uPlot.iife.min.js": "uplot/dist/uPlot.iife.min.js",
  "uPlot.min.css": "uplot/dist/uPlot.min.css",
};
const { imports } = JSON.parse(await readText("deno.json")) as { imports: Record<string, string> };
const sources = (await filesBelow("dashboard/js", ".js")).filter((path) => !path.endsWith("reasons.js"));
const texts = await Promise.all(sources.map(async (path) => ({ path, text: await readText(path) })));
const html = await readText("dashboard/index.html");

Deno.test("every vendored file is the one of the npm package's pinned version", async () => {
  const files = await filesBelow("dashboard/vendor", "");
  assert.deepEqual(
    files.filter((path) => !path.endsWith("LICENSE")).map((path) => path.split("/").at(-1)),
    Object.keys(VENDORED),
  );
  for (const [file, path] of Object.entries(VENDORED)) {
    const [name, pinned] = Object.entries(imports).find(([name]) => path.startsWith(`${name}/`))!;
    const url = new URL(path.slice(name.length + 1), import.meta.resolve(`${pinned}/package.json`));
    assert.equal(
      await Deno.readTextFile(url) === await readText(`dashboard/vendor/${file}`),
      true,
      `${file} differs from ${url}`,
    );
  }
});

Deno.test("the page and its modules reference only existing local files", async () => {
  const named = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => `dashboard/${path}`);
  const imported = texts.flatMap(({ path, text }) =>
    [...text.matchAll(/from "([^"]+)"/g)].map(([, target]) => new URL(target!, `file:///${path}`).pathname.slice(1))
  );
  const all = await filesBelow("dashboard", "");
  assert.ok(named.length > 6 && imported.length > 40);
  assert.deepEqual([...named, ...imported].filter((path) => !all.includes(path)), []);
});

Deno.test("nothing in the page turns text into markup or code, and its policy allows neither", () => {
  const markup = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc/;
  assert.deepEqual(texts.filter(({ text }) => markup.test(text)).map(({ path }) => path), []);
  assert.doesNotMatch(html, /<script(?![^>]*src=)|<style|\son\w+=|\sstyle=/);
  assert.match(html, /default-src 'none'; script-src 'self'; style-src 'self';.*require-trusted-types-for 'script'/);
  assert.match("a.innerHTML = x", markup);
});

Deno.test("no module of the page is too long", () => {
  assert.deepEqual(texts.filter(({ text }) => text.split("\n").length > 201).map(({ path }) => path), []);
});
