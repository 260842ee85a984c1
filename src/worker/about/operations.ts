/** The page's articles: an operation with its parameters, its request as a curl command, and its answers. */
import { html } from "hono/html";
import { curlText, exampleRequest, ORIGIN } from "./curl.ts";
import { ANYWHERE, errorLine, type Contents, type Operation } from "./openapi.ts";
import { prose, type Html } from "./reference.ts";

export interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** Errors of every route, which articles do not repeat. */
const COMMON: ReadonlySet<string> = new Set(ANYWHERE.map(errorLine));

export function renderOperation({ method, path, operation }: Entry): Html {
  const example = exampleRequest(ORIGIN, method, path, operation);
  return html`<article id="${operation.operationId}" data-words="${operation.operationId}">
    <h3>${operation.summary}</h3>
    <p class="path"><b class="${method}">${method}</b> <code>${path}</code></p>
    ${(operation.description ?? "").split("\n\n").map((paragraph) => html`<p>${prose(paragraph)}</p>`)}
    ${renderParameters(operation)} ${renderRequest(operation)}
    ${example === null ? "" : html`<pre tabindex="0">${curlText(example)}</pre>`}
    <h4>Answers</h4>
    ${Object.entries(operation.responses)
      .toSorted(([a], [b]) => Number(a) - Number(b))
      .map(([status, response]) => renderResponse(status, response))}
  </article>`;
}

function renderParameters(operation: Operation): Html | "" {
  const parameters = operation.parameters ?? [];
  if (parameters.length === 0) return "";
  return html`<div class="wide" tabindex="0">
    <table>
      <thead>
        <tr>
          <th scope="col">Parameter</th>
          <th scope="col">In</th>
          <th scope="col">Meaning</th>
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
    </table>
  </div>`;
}

/** The media types of a body; the first with an example is the command's. */
function renderRequest({ requestBody }: Operation): Html {
  if (requestBody === undefined) return html`<h4>Request</h4>`;
  const types = Object.keys(requestBody.content).map((type) => html`<code>${type}</code> `);
  return html`<h4>Request</h4>
    <p class="type">${types}</p>`;
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
      ${example === undefined ? "" : html`<pre tabindex="0">${shown}</pre>`}`;
  })}`;
}
