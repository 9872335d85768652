// The page: the user, the view in the address, and its loading, failed and finished states.

import { announce, h } from "./dom.js";
import { moment } from "./format.js";
import { connect, currentUser, readConfig } from "./session.js";
import { signInForm } from "./views/sign-in.js";
import * as order from "./views/order.js";
import * as orders from "./views/orders.js";
import * as overview from "./views/overview.js";
import * as refunds from "./views/refunds.js";
import * as run from "./views/run.js";
import * as runs from "./views/runs.js";

/** A view has a title, `load(context, argument)`, and `render(data, context)`, which answers elements. */
const VIEWS = { "": overview, runs, run, orders, order, refunds };
const TABS = [["", "Overview"], ["runs", "Runs"], ["orders", "Orders"], ["refunds", "Refunds"]];
const REFRESH_MS = 60_000;
/** What the user has opened, started or entered; reloading would discard it. */
const IN_USE = "details[open], .running, .result:not(:empty), .found:not(:empty), [data-asked]";

const page = document.getElementById("page");
let context = null;
let showing = 0;

/** `#/order/REF` means the view `order` with the argument REF; any other address means the overview. */
function readAddress() {
  const [, name = "", text = ""] = location.hash.match(/^#\/([a-z]*)(?:\/(.+))?$/) ?? [];
  const needsArgument = name === "run" || name === "order";
  const isKnown = Object.hasOwn(VIEWS, name) && needsArgument === (text !== "");
  if (!isKnown) return { name: "", argument: null };
  try {
    return { name, argument: needsArgument ? decodeURIComponent(text) : null };
  } catch {
    return { name: "", argument: null };
  }
}

async function start() {
  try {
    const config = await readConfig();
    if (config === null) return page.replaceChildren(unconfigured());
    context = { config, client: connect(config), user: null };
    context.client.auth.onAuthStateChange((event) => {
      // Supabase's client waits for its listeners; reading from within one would lock it.
      if (event === "SIGNED_OUT") setTimeout(enter);
    });
    addEventListener("hashchange", () => context.user?.role && show({ focus: true }));
    document.addEventListener("visibilitychange", () => refresh());
    setInterval(refresh, REFRESH_MS);
    await enter();
  } catch (error) {
    page.replaceChildren(failed(error, start));
  }
}

/** Shows what this user may see: the form, a notice to customers, or the views. */
async function enter() {
  context.user = await currentUser(context.client);
  if (context.user === null) return page.replaceChildren(signInForm(context, enter));
  page.replaceChildren(header(), h("main", { id: "main", tabindex: "-1" }));
  if (context.user.role === null) return main().replaceChildren(noRole());
  await show();
}

const main = () => document.getElementById("main");

async function show({ focus = false } = {}) {
  const turn = ++showing;
  const { name, argument } = readAddress();
  const view = VIEWS[name];
  const title = view.title(argument);
  document.title = `${title} · Lapse`;
  markTab(name);
  main().replaceChildren(h("h1", {}, title), skeleton());
  if (focus) main().focus();
  try {
    const data = await view.load(context, argument);
    if (turn !== showing) return;
    context.data = JSON.stringify(data);
    main().replaceChildren(h("h1", {}, title), ...view.render(data, { ...context, now: new Date() }), updated());
    announce(`${title} is loaded`);
  } catch (error) {
    if (turn !== showing) return;
    if (error.signedOut) return void context.client.auth.signOut({ scope: "local" });
    main().replaceChildren(h("h1", {}, title), failed(error, show));
  }
}

/** Reads again, unless the user is in the middle of something or nothing has changed. */
async function refresh() {
  const isBusy = main()?.contains(document.activeElement) && document.activeElement !== main();
  const isOpen = main()?.querySelector(IN_USE);
  if (document.hidden || !context?.user?.role || isBusy || isOpen || !getSelection().isCollapsed) return;
  const turn = showing;
  const { name, argument } = readAddress();
  const data = await VIEWS[name].load(context, argument).catch(() => null);
  if (data === null || turn !== showing) return;
  main().querySelector(".updated")?.replaceWith(updated());
  if (JSON.stringify(data) === context.data) return;
  context.data = JSON.stringify(data);
  const top = scrollY;
  const elements = VIEWS[name].render(data, { ...context, now: new Date() });
  main().replaceChildren(main().firstChild, ...elements, updated());
  scrollTo(0, top);
}

function header() {
  const { config, user } = context;
  const signOut = () => context.client.auth.signOut({ scope: "local" });
  return h(
    "header",
    { class: "top" },
    h(
      "div",
      { class: "brand" },
      h("img", { src: "icon.svg", alt: "", width: 24, height: 24 }),
      h("strong", {}, "Lapse"),
    ),
    h(
      "nav",
      { "aria-label": "Views" },
      TABS.map(([name, text]) => h("a", { href: `#/${name}`, "data-view": name }, text)),
    ),
    h(
      "div",
      { class: "who" },
      h("span", { class: "project", title: config.project }, config.project.replace(/^https?:\/\//, "")),
      h("span", {}, `${user.email}${user.role ? `, ${user.role}` : ""}`),
      h("button", { type: "button", class: "quiet", onclick: signOut }, "Sign out"),
    ),
  );
}

function markTab(name) {
  for (const link of page.querySelectorAll("nav a")) {
    const isHere = link.dataset.view === name || link.dataset.view === `${name}s`;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function updated() {
  const now = new Date();
  return h(
    "p",
    { class: "updated" },
    `As of ${moment(now, now)}, your local time. `,
    h("button", { type: "button", class: "quiet", onclick: () => show() }, "Refresh"),
  );
}

function skeleton() {
  return h(
    "div",
    { class: "skeleton", role: "status" },
    h("span", { class: "hidden" }, "Loading …"),
    [1, 2, 3].map(() => h("div")),
  );
}

function failed(error, again) {
  return h(
    "div",
    { class: "card failed", role: "alert" },
    h("h2", {}, "This did not work"),
    h("p", {}, error.message),
    h("button", { type: "button", onclick: () => again() }, "Try again"),
  );
}

function noRole() {
  return h(
    "div",
    { class: "card failed" },
    h("h1", {}, "Nothing to see"),
    h("p", {}, "This account is neither a viewer nor an operator of Lapse, so it cannot see anything."),
    h(
      "p",
      {},
      "The project's owner can give it a role (README, “Install it in your shop”); it takes effect at the next sign-in.",
    ),
  );
}

function unconfigured() {
  return h(
    "main",
    { id: "main", class: "gate" },
    h("h1", {}, "Which project?"),
    h("p", {}, "Write the project's address and its publishable key into config.json beside this page:"),
    h("pre", {}, '{\n  "url": "https://REF.supabase.co",\n  "publishableKey": "sb_publishable_…"\n}'),
    h("p", {}, "Or let the command line serve the page, which needs no file: npm run lapse -- dashboard"),
  );
}

await start();
