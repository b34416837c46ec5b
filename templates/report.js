"use strict";
// Sorting and filtering of the ranking. The report reads the same without it.
(() => {
  const table = document.getElementById("ranking-table");
  const form = document.getElementById("filters");
  if (!table || !form) return;
  const body = table.tBodies[0];
  const status = document.getElementById("shown");
  const format = new Intl.NumberFormat("en-GB");
  const rows = Array.from(body.rows, (row) => ({
    row,
    band: row.dataset.b,
    kinds: ` ${row.dataset.k} `,
    boxes: row.dataset.m,
    text: "",
    matches: true,
    shown: true,
  }));

  // The mailboxes to choose from are those that occur.
  const fill = (select, values) => {
    for (const value of [...new Set(values)].filter(Boolean).sort()) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = value;
      select.append(option);
    }
  };
  fill(form.elements.mailbox, rows.flatMap((entry) => entry.boxes.split("\n")));

  // Of a long ranking the browser lays out the first rows only: five thousand take it half a second.
  const SOME = 200;
  let most = SOME;
  const all = document.createElement("button");
  all.type = "button";
  all.className = "all";
  table.after(all);
  all.addEventListener("click", () => {
    most = Infinity;
    const next = rows.filter((entry) => entry.matches)[SOME];
    apply();
    if (next) next.row.querySelector("a").focus();
  });

  const read = (entry) => {
    if (!entry.text) entry.text = entry.row.textContent.toLowerCase();
  };
  const readAhead = (from) => {
    for (const entry of rows.slice(from, from + 250)) read(entry);
    if (from < rows.length) requestIdleCallback(() => readAhead(from + 250));
  };
  if (window.requestIdleCallback) requestIdleCallback(() => readAhead(0));

  const apply = () => {
    const band = form.elements.severity.value;
    const kind = form.elements.kind.value;
    const box = form.elements.mailbox.value;
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const entry of rows) {
      if (words.length) read(entry);
      entry.matches =
        (!band || entry.band === band) &&
        (!kind || entry.kinds.includes(` ${kind} `)) &&
        (!box || entry.boxes.split("\n").includes(box)) &&
        words.every((word) => entry.text.includes(word));
      if (entry.matches) count += 1;
      const shown = entry.matches && count <= most;
      if (shown !== entry.shown) {
        entry.row.hidden = !shown;
        entry.shown = shown;
      }
    }
    all.hidden = count <= most;
    all.textContent = `Show all ${format.format(count)}`;
    const first = count > most ? `, the first ${format.format(most)} are shown` : "";
    status.textContent = `${format.format(count)} of ${format.format(rows.length)} match${first}`;
  };

  let waiting = 0;
  const again = () => {
    most = SOME;
    apply();
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(again, 10);
  });
  form.addEventListener("reset", () => setTimeout(again, 0));
  form.addEventListener("submit", (event) => event.preventDefault());

  const value = (entry, column, numeric) => {
    const cell = entry.row.cells[column];
    const text = cell.dataset.v || cell.textContent.trim();
    return numeric ? parseFloat(text.replace(/,/g, "")) || 0 : text.toLowerCase();
  };
  const collator = new Intl.Collator("en", { numeric: true });
  const sort = (header) => {
    const column = header.cellIndex;
    const numeric = header.dataset.sort === "number";
    const before = header.getAttribute("aria-sort");
    const first = header.dataset.first || "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = before === first ? other : first;
    const sign = order === "ascending" ? 1 : -1;
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", order);
    for (const entry of rows) entry.key = value(entry, column, numeric);
    rows.sort((a, b) => sign * (numeric ? a.key - b.key : collator.compare(a.key, b.key)));
    body.append(...rows.map((entry) => entry.row));
    apply();
  };
  for (const header of table.tHead.rows[0].cells) {
    if (!header.dataset.sort) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sort(header));
  }

  // The incidents' pages lie below: when the ranking changes its height the browser looks at each of
  // them, unless they are one thing out of sight, as high as they are.
  const pages = document.getElementById("incidents");
  if (rows.length > SOME) {
    pages.style.containIntrinsicSize = `auto ${pages.offsetHeight}px`;
    pages.classList.add("many");
  }

  addEventListener("beforeprint", () => {
    most = Infinity;
    apply();
  });
  addEventListener("afterprint", again);

  form.hidden = false;
  apply();
})();
