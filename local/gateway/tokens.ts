import { createLocalJWKSet, jwtVerify, SignJWT } from "jose";
import type { ProjectKeys } from "./keys.ts";

/**
 * Translates between the tokens of a hosted project (ES256, with `kid` and issuer) and those that @supabase/lite reads
 * (HS256). Otherwise @supabase/server would refuse every user, because it requires a `kid`, and no test would use
 * asymmetric keys.
 */
export type TokenTranslator = {
  /** `undefined` if the token was not issued by this project or has expired. */
  inward(token: string): Promise<string | undefined>;
  /** Adds the claims that a hosted project has and lite lacks. Throws for a token that lite did not sign. */
  outward(token: string, user: Record<string, unknown>): Promise<string>;
};

export function createTokenTranslator(keys: ProjectKeys, options: { issuer: string }): TokenTranslator {
  const publicKeys = createLocalJWKSet(keys.jwks);
  const kid = keys.jwks.keys[0]?.kid;
  return {
    async inward(token) {
      const payload = await jwtVerify(token, publicKeys, { algorithms: ["ES256"], issuer: options.issuer })
        .then((result) => result.payload)
        // A bad token is passed on untranslated, so that it is refused with PostgREST's own error.
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
