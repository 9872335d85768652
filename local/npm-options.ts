/**
 * What npm did with options that were meant for the program: without the `--` of `npm run x -- --dry-run` it keeps them, says
 * nothing, and starts the program without them. They are found in the environment that npm gives to its scripts.
 */
export type Swallowed = {
  /** False where the option may as well come from somebody's .npmrc: to refuse it would lock them out. */
  sure: boolean;
  message: string;
};

/** Options that npm has itself and people keep in an .npmrc; `dry-run` is one, but nobody keeps that. */
const OFTEN_CONFIGURED = new Set(["json", "all"]);

/** `typed`: words of the command line that npm passed on and that have to be written again. */
type World = { args: string[]; typed?: string[]; read: (name: string) => string | undefined };

/** Null when npm kept none of these options from the program, or did not start it. */
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

/** npm says `true` for an option that came without a value, or apart from it. */
function asTyped({ option, value }: { option: string; value: string }): string {
  if (value === "true") return `--${option}`;
  return `--${option} ${/[^\w.:/@-]/.test(value) ? JSON.stringify(value) : value}`;
}

/** For a program without errors of its own: ends with 2 if an option is surely missing, and says so if one may be. */
export function refuseSwallowed(options: string[]): void {
  const found = findSwallowed(options, { args: Deno.args, read: (name) => Deno.env.get(name) });
  if (found === null) return;
  console.error(found.message);
  if (found.sure) Deno.exit(2);
}
