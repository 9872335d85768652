import type { Databases } from "../../local/platform/databases.ts";
import type { Figure } from "./figure.ts";

/** `toy` only shows that a bench runs, `quick` takes less than a minute, `full` measures at the sizes of the goals. */
export type Size = "toy" | "quick" | "full";

export type Bench = {
  name: string;
  /** Further names of figures that the same run measures. */
  also?: string[];
  run(size: Size, databases: Databases): Promise<Figure[]>;
};
