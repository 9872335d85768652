import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("run.mjs passes arguments on and ends with the program's exit code", async () => {
  await using program = await temporaryProgram(`console.log(Deno.args.join()); Deno.exit(7);`);
  const { code, stdout } = await run(program.path, "a", "--b=c").output();
  assert.deepEqual([code, new TextDecoder().decode(stdout).trim()], [7, "a,--b=c"]);
});

Deno.test("run.mjs lets a program tidy up when it is told to stop", async () => {
  await using program = await temporaryProgram(`
    Deno.addSignalListener("SIGTERM", () => { console.log("tidied up"); Deno.exit(3); });
    console.log("ready");
    setInterval(() => {}, 1000);`);
  const child = run(program.path).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await lines.read()).value?.trim(), "ready");
  child.kill("SIGTERM");
  assert.equal((await lines.read()).value?.trim(), "tidied up");
  assert.equal((await child.status).code, 3);
  await lines.cancel();
});

Deno.test("run.mjs dies of the signal its program died of", async () => {
  await using program = await temporaryProgram(`console.log("ready"); setInterval(() => {}, 1000);`);
  const child = run(program.path).spawn();
  const lines = child.stdout.getReader();
  await lines.read();
  child.kill("SIGTERM");
  assert.equal((await child.status).signal, "SIGTERM");
  await lines.cancel();
});

function run(...args: string[]): Deno.Command {
  return new Deno.Command("node", { args: ["local/run.mjs", ...args], cwd: root, stdout: "piped", stderr: "inherit" });
}

async function temporaryProgram(source: string) {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, source);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}
