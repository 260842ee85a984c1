/**
 * The page's search: the only script in it, so that without scripts the page is all there, only without the search.
 * Shows the sections whose text has every word that was typed. Runs in the browser as it stands.
 */
export const SEARCH_SCRIPT = `
const form = document.querySelector("form[role=search]");
const input = form.querySelector("input");
const found = form.querySelector("output");
const parts = [...document.querySelectorAll("main article, main tbody tr[id]")].map((part) => ({
  part,
  text: ((part.dataset.words ?? "") + " " + part.textContent).toLowerCase(),
  link: document.querySelector('nav a[href="#' + part.id + '"]')?.closest("li"),
}));
function search() {
  const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const { part, text, link } of parts) {
    const isFound = words.every((word) => text.includes(word));
    part.hidden = !isFound;
    if (link) link.hidden = !isFound;
    if (isFound) count += 1;
  }
  for (const group of document.querySelectorAll("main section, nav div")) {
    const entries = group.querySelectorAll("article, tbody tr[id], li");
    group.hidden = entries.length > 0 && [...entries].every((entry) => entry.hidden);
  }
  found.textContent = words.length === 0 ? "" : count === 1 ? "1 found" : count + " found";
}
form.hidden = false;
document.querySelector("header details").open = !matchMedia("(max-width: 56rem)").matches;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  parts.find(({ part }) => !part.hidden)?.part.scrollIntoView();
});
input.addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof HTMLInputElement;
  if (event.key === "/" && !isTyping) {
    event.preventDefault();
    input.focus();
  }
  if (event.key === "Escape" && isTyping) {
    input.value = "";
    search();
  }
});
addEventListener("hashchange", () => {
  if (!document.querySelector(":target")?.checkVisibility()) {
    input.value = "";
    search();
    document.querySelector(":target")?.scrollIntoView();
  }
});
search();
`;
