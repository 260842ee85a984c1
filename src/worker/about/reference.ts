/** The page's tables of settings and errors, made from the tables that the code runs on. */
import { html } from "hono/html";
import { CONFIG_NAMES, defaultText, environmentName, settingOf } from "../../base/config.ts";
import { ERRORS } from "../../base/errors.ts";

export type Html = ReturnType<typeof html>;

/** Text in which `code` is set as such. */
export function prose(text: string): (Html | string)[] {
  return text.split("`").map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part));
}

export function renderSettings(): Html {
  return html`<section id="settings">
    <h2>Settings</h2>
    <p>
      Those of the scope topic are given when a topic is created, or altered later. All come from
      the environment too: of topics what holds for those that say nothing.
    </p>
    <div class="wide" tabindex="0">
      <table>
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col">Scope</th>
            <th scope="col">Default</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          ${CONFIG_NAMES.map((name) => {
            const { scope, doc } = settingOf(name);
            return html`<tr id="setting-${name}" data-words="${environmentName(name)}">
              <td><code>${name}</code></td>
              <td>${scope}</td>
              <td><code>${defaultText(name)}</code></td>
              <td>${prose(doc)}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
  </section>`;
}

export function renderErrors(): Html {
  return html`<section id="errors">
    <h2>Errors</h2>
    <p>
      An error's body is <code>{"error_code": n, "message": "…"}</code>. What may be tried again as
      it is, is marked; <code>Retry-After</code> says when.
    </p>
    <div class="wide" tabindex="0">
      <table>
        <thead>
          <tr>
            <th scope="col">HTTP</th>
            <th scope="col">Code</th>
            <th scope="col">Name</th>
            <th scope="col">Again?</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          ${Object.entries(ERRORS).map(
            ([name, row]) =>
              html`<tr id="error-${name}">
                <td>${row.http}</td>
                <td>${row.rest}</td>
                <td><code>${name}</code></td>
                <td>${row.retriable ? "yes" : ""}</td>
                <td>${row.text}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}
