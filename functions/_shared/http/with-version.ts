import { parseProject, type ReadVariable } from "../environment.ts";
import { VERSION } from "../version.ts";
import { matchesAny } from "./gate.ts";

type Serve = (request: Request) => Promise<Response>;

/** Adds the function's release to the response, but only for callers with the project's secret key. */
export function withVersion(serve: Serve, readVariable: ReadVariable): Serve {
  return async (request) => {
    const response = await serve(request);
    const key = request.headers.get("apikey");
    if (key !== null && await isSecretKey(key, readVariable)) response.headers.set("x-lapse-version", VERSION);
    return response;
  };
}

async function isSecretKey(key: string, readVariable: ReadVariable): Promise<boolean> {
  try {
    return await matchesAny(key, Object.values(parseProject(readVariable).secretKeys));
  } catch {
    // The configuration is wrong. The answer itself reports that if it may.
    return false;
  }
}
