import { parse, patch } from "@decimalturn/toml-patch";
import { findNodeAtLocation, type Node, parse as parseJson, type ParseError, parseTree } from "jsonc-parser";
import { isDeepStrictEqual } from "node:util";
import { RefusedError } from "../errors.ts";

type Table = Record<string, unknown>;

/** The Supabase CLI's configuration files. `config.json` and `config.jsonc` take precedence over `config.toml`. */
export const CONFIG_NAMES = ["config.json", "config.jsonc", "config.toml"];

/**
 * The settings of each function. The functions check their callers themselves, because the gateway would admit only one
 * of their three kinds.
 */
const SETTINGS = { verify_jwt: false };

/** @throws RefusedError if the file is not valid. */
export function functionsIn(name: string, text: string): string[] {
  return Object.keys(functionsOf(read(name, text)));
}

/** Whether the gateway lets every request through to a function. Without a section it does not. */
export function isOpen(name: string, text: string, slug: string): boolean {
  return isDeepStrictEqual((functionsOf(read(name, text))[slug] as Table | undefined)?.verify_jwt, false);
}

/**
 * Adds a section for each of these functions. Everything else stays byte for byte, including comments and order.
 *
 * @throws RefusedError if that is impossible without other changes.
 */
export function withFunctions(name: string, text: string, functions: string[]): string {
  const missing = functions.filter((it) => !functionsIn(name, text).includes(it));
  if (missing.length === 0) return text;
  const config = read(name, text);
  const wanted = {
    ...config,
    functions: { ...functionsOf(config), ...Object.fromEntries(missing.map((it) => [it, SETTINGS])) },
  };
  const candidates = name === "config.toml"
    ? [() => text + sectionsOf(missing, text), () => patch(text, wanted, { ...layoutOf(text), trailingComma: false })]
    : [() => missing.reduce(addToJson, text)];
  return firstThatIs(wanted, candidates, name);
}

/**
 * Removes the sections of these functions.
 *
 * @throws RefusedError if that is impossible without other changes.
 */
export function withoutFunctions(name: string, text: string, functions: string[]): string {
  const config = read(name, text);
  const present = functions.filter((it) => Object.hasOwn(functionsOf(config), it));
  if (present.length === 0) return text;
  const rest = Object.fromEntries(Object.entries(functionsOf(config)).filter(([slug]) => !present.includes(slug)));
  const { functions: _, ...others } = config;
  const wanted = Object.keys(rest).length === 0 ? others : { ...config, functions: rest };
  const candidates = name === "config.toml"
    ? [() => cut(text, sectionsOf(present, text)), () => patch(text, wanted, layoutOf(text))]
    : [
      () =>
        Object.keys(rest).length === 0
          ? removeFromJson(text, ["functions"])
          : present.reduce((it, slug) => removeFromJson(it, ["functions", slug]), text),
    ];
  return firstThatIs(wanted, candidates, name);
}

/** The first candidate that parses to exactly the wanted configuration. An empty table `functions` counts as none. */
function firstThatIs(wanted: Table, candidates: (() => string)[], name: string): string {
  for (const candidate of candidates) {
    try {
      const text = candidate();
      if (isDeepStrictEqual(withoutEmpty(read(name, text)), withoutEmpty(wanted))) return text;
    } catch {
      // The candidate is not valid, for example because the functions are an inline table.
    }
  }
  throw new RefusedError(
    `Cannot change the functions in supabase/${name} and leave everything else as it is: nothing was written. ` +
      "Change it by hand: each function of Lapse has verify_jwt = false",
  );
}

function withoutEmpty(config: Table): Table {
  const { functions, ...rest } = config;
  return plain(Object.keys(functionsOf(config)).length === 0 ? rest : { ...rest, functions });
}

/** Converts to plain values for comparison, because TOML dates are objects of their own. */
function plain(config: Table): Table {
  return JSON.parse(JSON.stringify(config, (_, value) => typeof value === "bigint" ? `${value}n` : value));
}

function sectionsOf(functions: string[], text: string): string {
  const lines = ["", "# Lapse"];
  for (const slug of functions) lines.push(`[functions.${slug}]`, "verify_jwt = false");
  // Begins with an empty line in case the last line has no line break. Removing the sections later restores the file
  // exactly.
  return lines.map((line) => line + newLineOf(text)).join("");
}

function cut(text: string, part: string): string {
  const at = text.lastIndexOf(part);
  if (at === -1) throw new RangeError("The sections are not as they were written");
  return text.slice(0, at) + text.slice(at + part.length);
}

function read(name: string, text: string): Table {
  try {
    const errors: ParseError[] = [];
    const config = name === "config.toml" ? parse(text) : parseJson(text, errors, { allowTrailingComma: true });
    if (errors.length > 0 || !isTable(config)) throw new Error("it is not a JSON object");
    if (config.functions !== undefined && !isTable(config.functions)) throw new Error("its functions are not a table");
    return config;
  } catch (error) {
    throw new RefusedError(`Cannot read supabase/${name}: ${(error as Error).message}. Nothing was written`);
  }
}

function functionsOf(config: Table): Table {
  return config.functions as Table | undefined ?? {};
}

function isTable(value: unknown): value is Table {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/**
 * Adds a function after the last one, with the same indentation. The edits of jsonc-parser itself would reformat its
 * neighbours.
 */
function addToJson(text: string, slug: string): string {
  const root = parseTree(text)!;
  const functions = findNodeAtLocation(root, ["functions"]);
  const property = `${JSON.stringify(slug)}: { "verify_jwt": ${SETTINGS.verify_jwt} }`;
  if (functions !== undefined) return insertLast(text, functions, [property]);
  return insertLast(text, root, [`"functions": {`, `  ${property}`, "}"]);
}

function insertLast(text: string, object: Node, lines: string[]): string {
  const last = object.children?.at(-1);
  const at = last === undefined ? object.offset + 1 : last.offset + last.length;
  const indent = (offset: number) => text.slice(text.lastIndexOf("\n", offset) + 1).match(/^[ \t]*/)![0];
  const own = last === undefined ? `${indent(object.offset)}  ` : indent(last.offset);
  const added = lines.map((line) => newLineOf(text) + own + line).join("");
  const end = last === undefined ? newLineOf(text) + indent(object.offset) : "";
  return text.slice(0, at) + (last === undefined ? "" : ",") + added + end + text.slice(at);
}

/** Removes a property and the comma that is no longer needed. */
function removeFromJson(text: string, path: string[]): string {
  const property = findNodeAtLocation(parseTree(text)!, path)!.parent!;
  const { offset, length, children: siblings = [] } = property.parent!;
  const at = siblings.indexOf(property);
  const before = at > 0 ? endOf(siblings[at - 1]!) : siblings.length > 1 ? property.offset : offset + 1;
  const after = at > 0 ? endOf(property) : siblings[1]?.offset ?? offset + length - 1;
  return text.slice(0, before) + text.slice(after);
}

function endOf({ offset, length }: Node): number {
  return offset + length;
}

function layoutOf(text: string) {
  return { inlineTableStart: 9, newLine: newLineOf(text) };
}

function newLineOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}
