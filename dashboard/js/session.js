// The page's user signs in with Supabase Auth; row-level security decides what the database then shows.

const { createClient } = globalThis.supabase;

/** What `config.json` beside the page says: the project's address and publishable key. "." is the page's own origin. */
export async function readConfig() {
  const response = await fetch("config.json", { cache: "no-store" });
  if (!response.ok) throw new Error(`Cannot read config.json: the server answered ${response.status}`);
  const { url, publishableKey, project } = await response.json();
  if (!url || !publishableKey) return null;
  if (!publishableKey.startsWith("sb_publishable_") && !isAnonKey(publishableKey)) {
    throw new Error("Cannot use the key in config.json: it is not a publishable key. Never put a secret key there");
  }
  const address = url === "." ? location.origin : url.replace(/\/+$/, "");
  return { url: address, publishableKey, project: project ?? address };
}

/** Projects without the new keys have a JWT with role `anon` instead. */
function isAnonKey(key) {
  try {
    const payload = key.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(payload)).role === "anon";
  } catch {
    return false;
  }
}

/** The session ends with the tab: an operator's token must not stay behind on a shared machine. */
export function connect({ url, publishableKey }) {
  return createClient(url, publishableKey, {
    auth: {
      storage: sessionStorage,
      storageKey: "lapse-dashboard",
      persistSession: true,
      autoRefreshToken: true,
      detectSessionInUrl: false,
    },
  });
}

/** The signed-in user; null for nobody. The role only decides what the page offers; the project checks every request. */
export async function currentUser(client) {
  const { data } = await client.auth.getSession();
  const user = data.session?.user;
  if (!user) return null;
  const role = user.app_metadata?.lapse_role;
  return { email: user.email, role: role === "operator" || role === "viewer" ? role : null };
}

/** @throws Error with a sentence for the form. */
export async function signIn(client, { email, password }) {
  const { error } = await client.auth.signInWithPassword({ email, password });
  if (!error) return;
  const wrong = error.status === 400 || error.status === 401 || error.status === 422;
  throw new Error(
    wrong
      ? "Cannot sign in: the e-mail address or the password is wrong"
      : `Cannot sign in: ${error.message || "the project does not answer"}. Is the project paused?`,
  );
}
