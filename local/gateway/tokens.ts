import { createLocalJWKSet, jwtVerify, SignJWT } from "jose";
import type { ProjectKeys } from "./keys.ts";

/**
 * Turns tokens of the outside (ES256, with `kid` and issuer) into those @supabase/lite reads (HS256) and back. Without
 * it no user would get past
 * @supabase/server, which refuses tokens without `kid`, and no test would meet the asymmetric keys of a hosted project.
 */
export type TokenTranslator = {
  /** `undefined` if the token is not one of ours or has expired. */
  inward(token: string): Promise<string | undefined>;
  /** Adds the claims a hosted project puts in and lite leaves out. Throws on a token lite did not sign. */
  outward(token: string, user: Record<string, unknown>): Promise<string>;
};

export function createTokenTranslator(keys: ProjectKeys, options: { issuer: string }): TokenTranslator {
  const publicKeys = createLocalJWKSet(keys.jwks);
  const kid = keys.jwks.keys[0]?.kid;
  return {
    async inward(token) {
      const payload = await jwtVerify(token, publicKeys, { algorithms: ["ES256"], issuer: options.issuer })
        .then((result) => result.payload)
        // A bad token is the caller's affair: it goes on untranslated and is refused further in, in PostgREST's words.
        .catch(() => undefined);
      return payload &&
        await new SignJWT(payload).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(keys.innerSecret);
    },
    async outward(token, user) {
      const { payload } = await jwtVerify(token, keys.innerSecret, { algorithms: ["HS256"] });
      const claims = {
        ...payload,
        iss: options.issuer,
        app_metadata: user.app_metadata ?? {},
        user_metadata: user.user_metadata ?? {},
        aal: "aal1",
        is_anonymous: false,
      };
      return await new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256", typ: "JWT", kid })
        .sign(keys.signingKey);
    },
  };
}
