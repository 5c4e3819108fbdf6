// Lets people see the password that they are choosing. Without it the field works the same.
"use strict";

for (const input of document.querySelectorAll("input[data-show]")) {
  const button = document.createElement("button");
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? input.dataset.hide : input.dataset.show;
  };
  button.type = "button";
  button.className = "quiet reveal";
  button.setAttribute("aria-controls", input.id);
  button.addEventListener("click", () => show(input.type === "password"));
  // Browsers keep what stood in a text field, and offer it to the next person.
  input.form.addEventListener("submit", () => show(false));
  show(false);
  input.after(button);
}
