/** The page's style sheet. Colours have a contrast of at least 4.5 to 1 in both schemes (WCAG 2.2, 1.4.3). */
export const STYLE = `
:root { --ink: #1c1f23; --soft: #555c65; --paper: #fdfcfa; --line: #e2dfd8; --code: #f3f1ec; --accent: #7a4b12; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e3dc; --soft: #a3a9b1; --paper: #15171a; --line: #2c3036; --code: #1e2226; --accent: #d9a566; }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; display: grid; grid-template-columns: 19rem minmax(0, 1fr); color: var(--ink); background: var(--paper);
  font: 16px/1.55 ui-serif, Georgia, "Times New Roman", serif; }
header { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1.25rem; border-right: 1px solid var(--line);
  font: 14px/1.45 ui-sans-serif, system-ui, sans-serif; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: .5rem; top: .5rem; z-index: 1; padding: .5rem; background: var(--paper); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
header .name { font: 600 1.25rem ui-serif, Georgia, serif; }
header form { margin: .75rem 0; }
header label { display: block; color: var(--soft); font-size: .8rem; }
header input { width: 100%; padding: .4rem .5rem; color: inherit; background: var(--code); border: 1px solid var(--soft); border-radius: 6px; font: inherit; }
header output { display: block; min-height: 1.2em; margin-top: .25rem; color: var(--soft); font-size: .8rem; }
summary { display: none; }
nav h2 { margin: 1.25rem 0 .35rem; font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; }
nav ul { margin: 0; padding: 0; list-style: none; }
nav li { margin: .2rem 0; }
a { color: inherit; text-underline-offset: .2em; }
header a { text-decoration: none; }
a:hover { color: var(--accent); }
main { max-width: 50rem; padding: 2.5rem 2.5rem 6rem; }
main:focus { outline: none; }
h1 { margin: 0; font-size: 2.2rem; } h1 small { color: var(--soft); font-size: 1rem; font-weight: 400; }
main h2 { margin: 3rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
section > article { padding: 1.25rem 0; border-bottom: 1px solid var(--line); }
article > h2 { margin-top: 0; }
h3 { margin: 0 0 .4rem; font-size: 1.15rem; }
h4 { margin: 1rem 0 .3rem; font: 600 .8rem ui-sans-serif, system-ui, sans-serif; color: var(--soft); }
p { margin: .4rem 0; }
code, pre, .path b, nav b { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { font-size: .85em; overflow-wrap: anywhere; }
pre { margin: .4rem 0; padding: .8rem 1rem; overflow-x: auto; background: var(--code); border-radius: 6px; font-size: .8rem; line-height: 1.45; }
.path b, nav b { color: var(--accent); font-size: .78rem; }
nav b { font-size: .7rem; }
.type, .failure { color: var(--soft); font-size: .9rem; }
.failure span { display: block; padding-left: 2.2rem; }
.failure span:first-of-type { display: inline; padding-left: 0; }
.wide { overflow-x: auto; }
table { width: 100%; margin: .6rem 0; border-collapse: collapse; font: .85rem/1.45 ui-sans-serif, system-ui, sans-serif; }
th, td { padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; }
#errors code, #settings td:first-child code { overflow-wrap: normal; }
:target { scroll-margin-top: 1rem; }
@media (max-width: 56rem) {
  body { display: block; }
  header { position: static; height: auto; border: 0; border-bottom: 1px solid var(--line); }
  summary { display: list-item; padding: .35rem 0; cursor: pointer; }
  main { padding: 1.25rem 1rem 4rem; }
  h1 { font-size: 1.7rem; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
`;
