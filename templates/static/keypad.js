// Saves the keypad's round trip to the server for each digit. Without it the page works the same.
"use strict";

(() => {
  const form = document.getElementById("identification-form");
  const status = document.getElementById("keypad-status");
  const [dots, words] = status.children;
  const { password, positions } = form.elements;

  const show = () => {
    const count = positions.value.length;
    const { none, one, many } = status.dataset;
    dots.textContent = password.placeholder = "●".repeat(count);
    words.textContent = count === 0 ? none : (count === 1 ? one : many).replace(/\d+/, count);
  };

  form.addEventListener("click", (event) => {
    const key = event.target.closest("button[name=key]");
    if (!key) return;
    event.preventDefault();
    password.value = "";
    positions.value = key.value === "erase" ? "" : positions.value + key.value;
    show();
  });

  // The way of typing used last wins, so that the two are never mixed.
  password.addEventListener("input", () => {
    positions.value = "";
    show();
  });
})();
