// Sets up Swagger UI. All paths are relative, so that the page works below any path of a proxy.
window.onload = () => {
  // If the security of an operation has an empty alternative, the server accepts requests without a token. Swagger UI
  // would treat such operations as authorised and show a closed lock.
  const locks = {
    statePlugins: {
      auth: {
        wrapSelectors: {
          isAuthorized: (original, system) => (state, alternatives) => {
            const known = system.authSelectors.authorized();
            const isMet = (alternative) => alternative.size > 0 && alternative.keySeq().every((name) => known.has(name));
            return alternatives ? alternatives.some(isMet) : null;
          },
        },
      },
    },
  };

  // Swagger UI has forms for OAuth, but Roster does not offer the password grant. This form calls POST /auth/login.
  const signIn = (system) => {
    const React = system.React;
    const element = React.createElement;

    function SignIn({ name, schema }) {
      const [email, setEmail] = React.useState("");
      const [password, setPassword] = React.useState("");
      const [status, setStatus] = React.useState("");
      const submit = async () => {
        setStatus("…");
        try {
          const answer = await fetch(new URL("../auth/login", document.baseURI), {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ email, password }),
          });
          const body = await answer.json();
          if (!answer.ok) {
            setStatus(body.title || `The server answered ${answer.status}`);
            return;
          }
          setPassword("");
          setStatus("");
          system.authActions.authorizeWithPersistOption({ [name]: { name, schema, value: body.access_token } });
        } catch {
          setStatus("The server does not answer");
        }
      };
      const onKeyDown = (event) => {
        if (event.key === "Enter") {
          event.preventDefault();
          submit();
        }
      };
      const field = (label, type, value, set, autoComplete) =>
        element(
          "label",
          { style: { display: "block", margin: "0 0 10px" } },
          label,
          element("input", {
            type,
            value,
            autoComplete,
            onKeyDown,
            onChange: (event) => set(event.target.value),
            style: { display: "block", width: "100%" },
          }),
        );
      return element(
        "div",
        { className: "roster-sign-in" },
        element("h4", null, "Sign in"),
        field("Email", "email", email, setEmail, "username"),
        field("Password", "password", password, setPassword, "current-password"),
        element("button", { type: "button", className: "btn authorize", onClick: submit }, "Sign in"),
        element("p", { role: "status" }, status),
        element("p", null, "Or enter a token that you already have:"),
      );
    }

    return {
      wrapComponents: {
        HttpAuth: (Original) => (props) => {
          const isBearer = props.schema && props.schema.get("scheme") === "bearer";
          const known = props.authorized && props.authorized.get(props.name);
          return element(
            "div",
            null,
            isBearer && !known ? element(SignIn, { name: props.name, schema: props.schema }) : null,
            element(Original, props),
          );
        },
      },
    };
  };

  window.ui = SwaggerUIBundle({
    url: "../openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    // Without this setting, Swagger UI would send the document to a validator on the internet.
    validatorUrl: "none",
    persistAuthorization: true,
    defaultModelsExpandDepth: 0,
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [locks, signIn],
    layout: "BaseLayout",
  });
};
