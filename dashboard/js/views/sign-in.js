import { h } from "../dom.js";
import { signIn } from "../session.js";

/** The form for e-mail address and password. `entered` is called once somebody has signed in. */
export function signInForm({ client, config }, entered) {
  const error = h("p", { class: "error", role: "alert" });
  const button = h("button", { class: "primary" }, "Sign in");
  const field = (name, label, type, autocomplete) =>
    h(
      "label",
      {},
      label,
      h("input", { name, type, autocomplete, required: true, autocapitalize: "off", spellcheck: "false" }),
    );
  const form = h(
    "form",
    { novalidate: false },
    field("email", "E-mail address", "email", "username"),
    field("password", "Password", "password", "current-password"),
    error,
    button,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.textContent = "";
    button.disabled = true;
    button.textContent = "Signing in …";
    try {
      const { email, password } = Object.fromEntries(new FormData(form));
      await signIn(client, { email, password });
      await entered();
    } catch ({ message }) {
      error.textContent = message;
      button.disabled = false;
      button.textContent = "Sign in";
      form.elements.password.select();
    }
  });
  return h(
    "main",
    { id: "main", class: "gate" },
    h("img", { src: "icon.svg", alt: "", width: 48, height: 48 }),
    h("h1", {}, "Lapse"),
    h(
      "p",
      {},
      "Sign in as a viewer or an operator of ",
      h("strong", {}, config.project.replace(/^https?:\/\//, "")),
      ".",
    ),
    form,
  );
}
