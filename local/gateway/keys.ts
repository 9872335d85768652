import { exportJWK, generateKeyPair, type JWK } from "jose";

/** The keys and secrets of a project. Every stack generates its own. */
export type ProjectKeys = {
  /** Sent as `apikey`; role `anon`. */
  publishableKey: string;
  /** Sent as `apikey`; role `service_role`. */
  secretKey: string;
  /** Signs the users' access tokens (ES256), as in projects with asymmetric signing keys. */
  signingKey: CryptoKey;
  /** Verifies those tokens; also served at `/auth/v1/.well-known/jwks.json`. */
  jwks: { keys: JWK[] };
  /**
   * The HS256 secret that @supabase/lite requires. It is used only between the gateway and lite, inside this process.
   */
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

/** 128 random bits as letters and digits. */
export function randomText(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
