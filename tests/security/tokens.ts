import { Buffer } from "node:buffer";
import { exportJWK, exportSPKI, generateKeyPair, importJWK, type JWK, type JWTPayload, SignJWT } from "jose";
import { generateKeys, type ProjectKeys } from "../../local/gateway/keys.ts";
import type { Caller } from "../rest/access-table.ts";

/** Keys of a project, as its JWKS shows them, and what an attacker has: another project's keys and this one's public key. */
export type TokenKeys = {
  jwks: { keys: JWK[] };
  kid: string;
  issuer: string | undefined;
  own: CryptoKey;
  others: CryptoKey;
  rsa: CryptoKey;
  publicPem: string;
};

/** `issuer` is the project's Auth, whose name REST looks for in a token. */
export async function generateTokenKeys(project?: ProjectKeys, issuer?: string): Promise<TokenKeys> {
  const { jwks, signingKey } = project ?? await generateKeys();
  const [jwk] = jwks.keys;
  return {
    jwks,
    kid: jwk!.kid!,
    issuer,
    own: signingKey,
    others: (await generateKeyPair("ES256")).privateKey,
    rsa: (await generateKeyPair("RS256")).privateKey,
    publicPem: await exportSPKI(await importJWK(jwk!, "ES256") as CryptoKey),
  };
}

const ANY_OPERATOR = { role: "authenticated", sub: crypto.randomUUID(), app_metadata: { lapse_role: "operator" } };

/** An operator's token as Auth issues it. */
export function operatorToken(keys: TokenKeys): Promise<string> {
  return sign({ ...ANY_OPERATOR, iss: keys.issuer }, { key: keys.own, kid: keys.kid });
}

/**
 * `status` is the gate's answer. `overRest` is whom PostgREST, which asks less of a token than the gate and leaves the rest to the
 * grants, takes its bearer for; without it for nobody.
 */
type BadToken = [what: string, token: string, status: 401 | 403, overRest?: Caller];

/** Tokens that look like an operator's but are invalid or belong to other users. */
export async function badTokens(keys: TokenKeys): Promise<BadToken[]> {
  const { kid, own, others, rsa, publicPem, jwks } = keys;
  const OPERATOR = { ...ANY_OPERATOR, iss: keys.issuer };
  const good = await operatorToken(keys);
  const [head, body, signature] = good.split(".") as [string, string, string];
  const claims = (more: JWTPayload) => ({ ...OPERATOR, ...more });
  const withClaims = (more: JWTPayload) => sign(claims(more), { key: own, kid });
  const hs256 = (secret: string | Uint8Array) =>
    sign(OPERATOR, { key: typeof secret === "string" ? Buffer.from(secret) : secret, kid, alg: "HS256" });
  const unsigned = (alg: string) => `${encode({ alg, typ: "JWT", kid })}.${body}.`;
  return [
    ["expired", await withClaims({ exp: now() - 60 }), 401],
    ["not valid yet", await withClaims({ nbf: now() + 3600 }), 401],
    ["with a forged signature", `${head}.${body}.${Buffer.alloc(64, 1).toString("base64url")}`, 401],
    ["with another payload", `${head}.${encode(claims({ exp: now() + 99_999 }))}.${signature}`, 401],
    ["without a signature", `${head}.${body}.`, 401],
    ["with a signature of zeros", `${head}.${body}.${Buffer.alloc(64).toString("base64url")}`, 401],
    ["alg none", unsigned("none"), 401],
    ["alg None", unsigned("None"), 401],
    ["alg of nothing", unsigned(""), 401],
    ["HS256 with the public key (PEM) as secret", await hs256(publicPem), 401],
    ["HS256 with the public key (JWK) as secret", await hs256(JSON.stringify(jwks.keys[0])), 401],
    ["HS256 with the public key (x) as secret", await hs256(Buffer.from(jwks.keys[0]!.x!, "base64url")), 401],
    ["HS256 with an empty-looking secret", await hs256(new Uint8Array(32)), 401],
    ["RS256 with a key of one's own", await sign(OPERATOR, { key: rsa, kid, alg: "RS256" }), 401],
    ["of another project, under our key's name", await sign(OPERATOR, { key: others, kid }), 401],
    ["of another project, under its own key's name", await sign(OPERATOR, { key: others, kid: "theirs" }), 401],
    ["without a key's name", await sign(OPERATOR, { key: own, kid: undefined }), 401, "operator"],
    ["that brings its own key along", await bringOwnKey(OPERATOR, kid), 401],
    ["two tokens", `${good}, ${good}`, 401],
    ["half a token", good.slice(0, 80), 401],
    ["of nobody (no sub)", await sign({ ...OPERATOR, sub: undefined }, { key: own, kid }), 401, "operator"],
    ["a viewer", await withClaims({ app_metadata: { lapse_role: "viewer" } }), 403, "viewer"],
    ["a plain user", await withClaims({ app_metadata: {} }), 403, "customer"],
    ["a user without metadata", await withClaims({ app_metadata: undefined }), 403, "customer"],
    [
      "a user who calls himself an operator",
      await withClaims({ app_metadata: {}, user_metadata: { lapse_role: "operator" } }),
      403,
      "customer",
    ],
    [
      "a viewer who calls himself an operator",
      await withClaims({ app_metadata: { lapse_role: "viewer" }, user_metadata: { lapse_role: "operator" } }),
      403,
      "viewer",
    ],
    [
      "a user with a claim beside the metadata",
      await withClaims({ app_metadata: {}, lapse_role: "operator" }),
      403,
      "customer",
    ],
    ["a list of roles", await withClaims({ app_metadata: { lapse_role: ["operator"] } }), 403, "customer"],
    ["the role in capitals", await withClaims({ app_metadata: { lapse_role: "OPERATOR" } }), 403, "customer"],
    ["an operator as anon", await withClaims({ role: "anon" }), 403, "anon"],
    ["an operator as service_role", await withClaims({ role: "service_role" }), 403, "secret key"],
    ["an operator without a role", await withClaims({ role: undefined }), 403, "anon"],
  ];
}

/** Signed well, by the attacker's key that the header itself recommends. */
async function bringOwnKey(claims: JWTPayload, kid: string): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(publicKey);
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", typ: "JWT", kid, jwk, jku: "https://attacker.test/jwks.json" })
    .setExpirationTime("1h").sign(privateKey);
}

type Signing = { key: CryptoKey | Uint8Array; kid: string | undefined; alg?: string };

function sign(claims: JWTPayload, { key, kid, alg = "ES256" }: Signing): Promise<string> {
  const payload = { aud: "authenticated", iat: now(), exp: now() + 3600, ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg, typ: "JWT", ...(kid ? { kid } : {}) }).sign(key);
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
