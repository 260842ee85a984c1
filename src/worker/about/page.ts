/**
 * The description as a page that people read: one file of HTML, style and a short script for its search, nothing loaded
 * from anywhere, light and dark. Made from the OpenAPI document and the tables, so that it cannot differ from them.
 */
import { html, raw } from "hono/html";
import { TAGS } from "../route.ts";
import { curlText } from "./curl.ts";
import { GUIDES, type Guide } from "./guides.ts";
import type { ApiDocument } from "./openapi.ts";
import { renderOperation, type Entry } from "./operations.ts";
import { prose, renderErrors, renderSettings, type Html } from "./reference.ts";
import { SEARCH_SCRIPT } from "./search.ts";
import { STYLE } from "./style.ts";

export interface Page {
  /** With placeholders for the origin, the cluster and the key: see `shownFor`. */
  readonly html: string;
  /** What the page may do (Content-Security-Policy): its own style and script, and nothing else. */
  readonly policy: string;
}

export async function renderPage(document: ApiDocument): Promise<Page> {
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
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${document.info.title} ${document.info.version}: the HTTP API</title>
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <a class="skip" href="#top">To the text</a>
        ${renderSide(document, sections)}
        <main id="top" tabindex="-1">
          ${renderHead(document)} ${GUIDES.map(renderGuide)}
          ${sections.map(
            ({ tag, entries: some }) =>
              html`<section aria-labelledby="${anchor(tag)}">
                <h2 id="${anchor(tag)}">${tag}</h2>
                ${some.map(renderOperation)}
              </section>`,
          )}
          ${renderSettings()} ${renderErrors()}
        </main>
        ${raw(`<script>${SEARCH_SCRIPT}</script>`)}
      </body>
    </html> `;
  return { html: String(await page), policy: await policyOf(SEARCH_SCRIPT) };
}

async function policyOf(script: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

interface Section {
  readonly tag: string;
  readonly entries: readonly Entry[];
}

function renderSide({ info }: ApiDocument, sections: readonly Section[]): Html {
  return html`<header>
    <a class="name" href="#top">${info.title}</a>
    <form role="search" hidden>
      <label for="search">Search</label>
      <input id="search" type="search" autocomplete="off" spellcheck="false" />
      <output aria-live="polite"></output>
    </form>
    <details open>
      <summary>Contents</summary>
      <nav aria-label="Contents">
        <div>
          <h2>Guides</h2>
          <ul>
            ${GUIDES.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
          </ul>
        </div>
        ${sections.map((section) => contentsOfSection(section))}
        <h2>Reference</h2>
        <ul>
          <li><a href="#settings">Settings</a></li>
          <li><a href="#errors">Errors</a></li>
        </ul>
      </nav>
    </details>
  </header>`;
}

function anchor(tag: string): string {
  return `tag-${tag.toLowerCase()}`;
}

function contentsOfSection({ tag, entries }: Section): Html {
  return html`<div>
    <h2><a href="#${anchor(tag)}">${tag}</a></h2>
    <ul>
      ${entries.map(
        ({ method, operation }) =>
          html`<li>
            <a href="#${operation.operationId}"
              ><b class="${method}">${method}</b> ${operation.summary}</a
            >
          </li>`,
      )}
    </ul>
  </div>`;
}

function renderHead({ info }: ApiDocument): Html {
  return html`<h1>${info.title} <small>${info.version}</small></h1>
    <p>${info.description} The same for machines: <a href="/openapi.json">/openapi.json</a>.</p>`;
}

function renderGuide({ id, title, parts }: Guide): Html {
  return html`<section>
    <article id="${id}">
      <h2>${title}</h2>
      ${parts.map(({ text, request, command }) => {
        const shown = command ?? (request === undefined ? null : curlText(request));
        return html`<p>${prose(text)}</p>
          ${shown === null ? "" : html`<pre tabindex="0">${shown}</pre>`}`;
      })}
    </article>
  </section>`;
}
