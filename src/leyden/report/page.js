"use strict";
for (const figure of document.querySelectorAll("figure.table")) {
  const table = figure.querySelector("table");
  if (!table) continue;
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const raw = (row, column) => row.cells[column].dataset.raw;

  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const first = head.classList.contains("number") ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    heads.forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const compare = head.classList.contains("number")
      ? (a, b) => Number(a) - Number(b)
      : (a, b) => a.localeCompare(b, "en", { numeric: true });
    const rows = [...body.rows].sort((one, two) => {
      const a = raw(one, column), b = raw(two, column);
      return a === "" || b === "" ? (a === "") - (b === "") : sign * compare(a, b);
    });
    body.append(...rows);
  }));

  figure.querySelector("input")?.addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });

  figure.querySelector(".tools button").addEventListener("click", () => {
    const quote = (text) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const lines = [heads.map((head) => quote(head.dataset.name))];
    for (const row of body.rows) {
      if (!row.hidden) lines.push(heads.map((_, column) => quote(raw(row, column))));
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
    link.download = "table.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
}
