/**
 * The description as a page that people read: one file of HTML and style, no script, nothing loaded
 * from anywhere, light and dark. Made from the OpenAPI document, so that it cannot say anything else.
 */
import { html, raw } from "hono/html";
import { ERRORS } from "../../base/errors.ts";
import { TAGS } from "../route.ts";
import { ANYWHERE, errorLine, type ApiDocument, type Contents, type Operation } from "./openapi.ts";
import { STYLE } from "./style.ts";

type Html = ReturnType<typeof html>;

/** Failures that are said once for all routes. */
const COMMON: ReadonlySet<string> = new Set(ANYWHERE.map(errorLine));

/** Text in which `code` is set as such. */
function prose(text: string): (Html | string)[] {
  return text.split("`").map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part));
}

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

export function renderPage(document: ApiDocument): string {
  const entries = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
  const sections = TAGS.map((tag) => ({
    tag,
    entries: entries.filter(({ operation }) => operation.tags.includes(tag)),
  })).filter((section) => section.entries.length > 0);
  return String(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>${document.info.title}: the HTTP API</title>
          <style>
            ${raw(STYLE)}
          </style>
        </head>
        <body>
          <nav aria-label="Contents">
            <a class="name" href="#top">${document.info.title}</a>
            ${sections.map((section) => contentsOfSection(section.tag, section.entries))}
            <h2><a href="#errors">Errors</a></h2>
          </nav>
          <main id="top">
            <h1>${document.info.title} <small>${document.info.version}</small></h1>
            <p>
              ${document.info.description} The same for machines:
              <a href="/openapi.json">/openapi.json</a>.
            </p>
            <h2>Getting in</h2>
            <p>
              Every request but <code>GET /healthz</code> carries a key:
              <code>Authorization: Bearer &lt;key&gt;</code>, or HTTP Basic with the key as
              password. A WebSocket of a browser, which can set no header, offers the subprotocols
              <code>odradek</code> and <code>bearer.&lt;key&gt;</code>. Keys never go into a URL.
            </p>
            ${sections.map(
              ({ tag, entries: some }) =>
                html`<section>
                  <h2 id="${anchor(tag)}">${tag}</h2>
                  ${some.map(renderEntry)}
                </section>`,
            )}
            ${renderErrors()}
          </main>
        </body>
      </html> `,
  );
}

function anchor(tag: string): string {
  return `tag-${tag.toLowerCase()}`;
}

function contentsOfSection(tag: string, entries: readonly Entry[]): Html {
  return html`<h2><a href="#${anchor(tag)}">${tag}</a></h2>
    <ul>
      ${entries.map(
        ({ method, operation }) =>
          html`<li>
            <a href="#${operation.operationId}"
              ><b class="${method}">${method}</b> ${operation.summary}</a
            >
          </li>`,
      )}
    </ul>`;
}

function renderEntry({ method, path, operation }: Entry): Html {
  return html`<article id="${operation.operationId}">
    <h3>${operation.summary}</h3>
    <p class="path"><b class="${method}">${method}</b> <code>${path}</code></p>
    ${(operation.description ?? "").split("\n\n").map((paragraph) => html`<p>${prose(paragraph)}</p>`)}
    ${renderParameters(operation)}
    ${
      operation.requestBody === undefined
        ? ""
        : html`<h4>Request</h4>
            ${renderContents(operation.requestBody.content)}`
    }
    <h4>Answers</h4>
    ${Object.entries(operation.responses)
      .toSorted(([a], [b]) => Number(a) - Number(b))
      .map(([status, response]) => renderResponse(status, response))}
  </article>`;
}

function renderParameters(operation: Operation): Html | "" {
  const parameters = operation.parameters ?? [];
  if (parameters.length === 0) return "";
  return html`<table>
    <thead>
      <tr>
        <th>Parameter</th>
        <th>In</th>
        <th>Meaning</th>
      </tr>
    </thead>
    <tbody>
      ${parameters.map(
        (parameter) =>
          html`<tr>
            <td><code>${parameter.name}</code></td>
            <td>${parameter.in}${parameter.required === true ? "" : ", optional"}</td>
            <td>${prose(parameter.description ?? parameter.schema?.description ?? "")}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function renderResponse(status: string, response: Operation["responses"][string]): Html | "" {
  if (Number(status) >= 400) {
    const lines = response.description.split("\n").filter((line) => !COMMON.has(line));
    if (lines.length === 0) return "";
    return html`<p class="failure">
      <b>${status}</b> ${lines.map((line) => html`<span>${line}</span>`)}
    </p>`;
  }
  return html`<p><b>${status}</b> ${prose(response.description)}</p>
    ${response.content === undefined ? "" : renderContents(response.content)}`;
}

function renderContents(contents: Contents): Html {
  const entries = Object.entries(contents);
  return html`${entries.map(([type, { example }]) => {
    const shown = typeof example === "string" ? example : JSON.stringify(example, null, 2);
    return html`<p class="type"><code>${type}</code></p>
      ${example === undefined ? "" : html`<pre>${shown}</pre>`}`;
  })}`;
}

function renderErrors(): Html {
  return html`<section id="errors">
    <h2>Errors</h2>
    <p>
      An error's body is <code>{"error_code": n, "message": "…"}</code>. What may be tried again as
      it is, is marked; <code>Retry-After</code> says when.
    </p>
    <table>
      <thead>
        <tr>
          <th>HTTP</th>
          <th>Code</th>
          <th>Name</th>
          <th>Again?</th>
          <th>Meaning</th>
        </tr>
      </thead>
      <tbody>
        ${Object.entries(ERRORS).map(
          ([name, row]) =>
            html`<tr>
              <td>${row.http}</td>
              <td>${row.rest}</td>
              <td><code>${name}</code></td>
              <td>${row.retriable ? "yes" : ""}</td>
              <td>${row.text}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </section>`;
}
