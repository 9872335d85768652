/**
 * Finds options that npm consumed instead of passing them on: `npm run x --dry-run` without `--` starts the program
 * without the option, silently. npm exposes them in the environment of its scripts.
 */
export type Swallowed = {
  /** False if the option may come from the user's .npmrc. Refusing it would then make the command unusable. */
  sure: boolean;
  message: string;
};

/** npm's own options that people set in an .npmrc. `dry-run` is one of npm's options, but nobody sets it there. */
const OFTEN_CONFIGURED = new Set(["json", "all"]);

/** `typed`: the words of the command line that npm passed on, to be repeated in the advice. */
type World = { args: string[]; typed?: string[]; read: (name: string) => string | undefined };

/** Null if npm consumed none of these options, or did not start the program. */
export function findSwallowed(options: string[], { args, typed = [], read }: World): Swallowed | null {
  const script = read("npm_lifecycle_event");
  if (!script) return null;
  const kept = options.flatMap((option) => {
    const value = read(`npm_config_${option.replaceAll("-", "_")}`);
    const given = args.some((it) => it === `--${option}` || it.startsWith(`--${option}=`));
    return !value || value === "false" || given ? [] : [{ option, value }];
  });
  if (kept.length === 0) return null;
  const names = kept.map(({ option }) => `--${option}`).join(", ");
  const command = `npm run ${script} -- ${[...typed, ...kept.map(asTyped)].join(" ")}`;
  return kept.every(({ option }) => OFTEN_CONFIGURED.has(option))
    ? {
      sure: false,
      message: `npm has ${names} set and passes nothing on; if you meant this command, write ${command}`,
    }
    : {
      sure: true,
      message: `Cannot use ${names} here as npm took ${kept.length > 1 ? "them" : "it"}: write ${command}`,
    };
}

/** npm stores `true` for an option without a value, or with a separate one. */
function asTyped({ option, value }: { option: string; value: string }): string {
  if (value === "true") return `--${option}`;
  return `--${option} ${/[^\w.:/@-]/.test(value) ? JSON.stringify(value) : value}`;
}

/**
 * For programs without error handling of their own: exits with 2 if an option was certainly lost, and warns if one may
 * have been.
 */
export function refuseSwallowed(options: string[]): void {
  const found = findSwallowed(options, { args: Deno.args, read: (name) => Deno.env.get(name) });
  if (found === null) return;
  console.error(found.message);
  if (found.sure) Deno.exit(2);
}
