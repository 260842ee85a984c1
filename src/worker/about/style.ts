/** The page's style sheet. */
export const STYLE = `
:root { --ink: #1c1f23; --soft: #5b626b; --paper: #fdfcfa; --line: #e2dfd8; --code: #f3f1ec; --accent: #7a4b12; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e3dc; --soft: #9aa0a8; --paper: #15171a; --line: #2c3036; --code: #1e2226; --accent: #d9a566; }
}
* { box-sizing: border-box; }
body { margin: 0; display: grid; grid-template-columns: 19rem minmax(0, 1fr); color: var(--ink); background: var(--paper);
  font: 16px/1.55 ui-serif, Georgia, "Times New Roman", serif; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1.25rem; border-right: 1px solid var(--line);
  font: 13px/1.45 ui-sans-serif, system-ui, sans-serif; }
nav .name { font: 600 1.25rem ui-serif, Georgia, serif; }
nav h2 { margin: 1.25rem 0 .35rem; font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; }
nav ul { margin: 0; padding: 0; list-style: none; }
nav li { margin: .2rem 0; }
a { color: inherit; text-decoration-color: var(--line); text-underline-offset: .2em; }
nav a { text-decoration: none; }
a:hover { color: var(--accent); }
main { max-width: 50rem; padding: 2.5rem 2.5rem 6rem; }
h1 { margin: 0; font-size: 2.2rem; } h1 small { color: var(--soft); font-size: 1rem; font-weight: 400; }
main h2 { margin: 3rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
article { padding: 1.25rem 0; border-bottom: 1px solid var(--line); }
h3 { margin: 0 0 .4rem; font-size: 1.15rem; }
h4 { margin: 1rem 0 .3rem; font: 600 .8rem ui-sans-serif, system-ui, sans-serif; color: var(--soft); }
p { margin: .4rem 0; }
code, pre, .path b, nav b { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { font-size: .85em; overflow-wrap: anywhere; }
pre { margin: .4rem 0; padding: .8rem 1rem; overflow-x: auto; background: var(--code); border-radius: 6px; font-size: .8rem; line-height: 1.45; }
.path b, nav b { color: var(--accent); font-size: .78rem; }
nav b { font-size: .68rem; }
.type { color: var(--soft); }
.failure { color: var(--soft); font-size: .9rem; }
.failure span { display: block; padding-left: 2.2rem; }
.failure span:first-of-type { display: inline; padding-left: 0; }
table { width: 100%; margin: .6rem 0; border-collapse: collapse; font: .85rem/1.45 ui-sans-serif, system-ui, sans-serif; }
th, td { padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; }
:target { scroll-margin-top: 1rem; }
@media (max-width: 56rem) {
  body { display: block; }
  nav { position: static; height: auto; border: 0; border-bottom: 1px solid var(--line); }
  main { padding: 1.5rem 1.25rem 4rem; }
}
`;
