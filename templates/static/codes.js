// Prints and copies recovery codes by a button. Without it the browser's own menu prints, and the file downloads.
"use strict";

(() => {
  const row = document.querySelector(".keep");
  const said = row.querySelector("[role=status]");
  const acts = {
    print: () => print(),
    copy: async () => {
      const codes = [...document.querySelectorAll("#codes code")].map((code) => code.textContent);
      await navigator.clipboard.writeText(codes.join("\n"));
      said.textContent = row.dataset.copied;
    },
  };
  for (const button of row.querySelectorAll("button")) {
    button.hidden = button.dataset.act === "copy" && !navigator.clipboard;
    button.addEventListener("click", acts[button.dataset.act]);
  }
})();
