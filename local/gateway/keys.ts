import { exportJWK, generateKeyPair, type JWK } from "jose";

/** Everything a project's callers and its two token-reading parts are told apart by. Fresh for every stack. */
export type ProjectKeys = {
  /** Sent as `apikey`; role `anon`. */
  publishableKey: string;
  /** Sent as `apikey`; role `service_role`. */
  secretKey: string;
  /** Signs the users' access tokens (ES256), as projects with signing keys do. */
  signingKey: CryptoKey;
  /** What verifies them; also served at `/auth/v1/.well-known/jwks.json`. */
  jwks: { keys: JWK[] };
  /** HS256 secret between the gateway and @supabase/lite, which knows nothing else; it never leaves the process. */
  innerSecret: Uint8Array;
};

export async function generateKeys(): Promise<ProjectKeys> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...await exportJWK(publicKey), alg: "ES256", use: "sig", kid: crypto.randomUUID() };
  return {
    publishableKey: `sb_publishable_${randomText()}`,
    secretKey: `sb_secret_${randomText()}`,
    signingKey: privateKey,
    jwks: { keys: [jwk] },
    innerSecret: new TextEncoder().encode(randomText() + randomText()),
  };
}

/** 128 random bits in letters and digits. */
export function randomText(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
