/** Starts Swagger UI with the API's document, and checks what it makes markup of. */

/**
 * @typedef {{ createHTML: (html: string) => string | null }} Rules
 * @typedef {{ createPolicy: (name: string, rules: Rules) => unknown }} TrustedTypes
 */

const { SwaggerUIBundle, trustedTypes } =
  /** @type {{ SwaggerUIBundle: (options: object) => unknown, trustedTypes?: TrustedTypes }} */ (
    /** @type {unknown} */ (window)
  );

/** What Markdown becomes: plain tags without attributes, links, and the name of a code's language. */
const OF_MARKDOWN = new RegExp(
  [
    "</?(?:p|i|b|em|strong|del|code|pre|ul|ol|li|h[1-6]|blockquote|table|thead|tbody|tr|th|td)>",
    "<(?:br|hr)>",
    '<code class="language-[a-z]+">',
    '<a(?: (?:href="(?:https://|/|#)[^"]*"|target="_blank"|rel="noopener noreferrer"))+>',
    "</a>",
  ].join("|"),
  "g",
);

// Swagger UI has cleaned it already; this stands behind that. Chromium and Safari ask for it.
trustedTypes?.createPolicy("default", {
  createHTML: (html) => (html.replace(OF_MARKDOWN, "").includes("<") ? null : html),
});

/** Agents may call by another domain, which this page may not: it calls where it comes from. */
const ownAddress = () => ({
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec:
          (/** @type {(document: object) => unknown} */ update) =>
          (/** @type {object} */ document) =>
            update({ ...document, servers: [{ url: location.origin }] }),
      },
    },
  },
});

SwaggerUIBundle({
  domNode: document.getElementById("documentation"),
  url: "/v1/openapi.json",
  plugins: [ownAddress],
  deepLinking: true,
  displayRequestDuration: true,
  // A token is gone with the page, and nobody else is sent anything.
  persistAuthorization: false,
  validatorUrl: null,
});
