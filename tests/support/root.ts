import { fileURLToPath } from "node:url";

/** The project's folder; everything runs from here. */
export const root = fileURLToPath(new URL("../..", import.meta.url));
