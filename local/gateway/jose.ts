// The version @supabase/lite and @supabase/server bring.
export { createLocalJWKSet, exportJWK, generateKeyPair, type JWK, jwtVerify, SignJWT } from "npm:jose@6.2.17";
