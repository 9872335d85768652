import * as z from "zod/mini";
import type { Rpc } from "../_shared/database/rpc.ts";

const name = z.string().check(z.regex(/^lapse_[a-z_]+$/));
const sample = z.object({ labels: z.record(z.string().check(z.regex(/^[a-z_]+$/)), z.string()), value: z.number() });
const families = z.array(
  z.object({ name, type: z.enum(["counter", "gauge"]), help: z.string(), samples: z.array(sample) }),
);
type Family = z.infer<typeof families>[number];

/** Reads the metrics and writes them in Prometheus' format, or in OpenMetrics. */
export async function readMetrics(rpc: Rpc, { openMetrics }: { openMetrics: boolean }): Promise<string> {
  return render(await rpc("lapse_read_metrics", {}, { answer: families, repeatable: true }), openMetrics);
}

/**
 * The families as text. Prometheus' own format and OpenMetrics differ in two things: the name of a counter's family there lacks `_total`, and
 * the text ends in `# EOF` (github.com/prometheus/OpenMetrics, specification 1.0).
 */
export function render(read: Family[], openMetrics: boolean): string {
  const lines = read.flatMap(({ name, type, help, samples }) => {
    const family = openMetrics && type === "counter" ? name.replace(/_total$/, "") : name;
    const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
    return [
      `# HELP ${family} ${text}`,
      `# TYPE ${family} ${type}`,
      ...samples.map(({ labels, value }) => `${name}${renderLabels(labels)} ${value}`),
    ];
  });
  return [...lines, ...(openMetrics ? ["# EOF"] : []), ""].join("\n");
}

function renderLabels(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([label, value]) =>
    `${label}="${value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')}"`
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
