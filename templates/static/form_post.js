// Takes the answer to the service at once. Before the page has loaded, so that the back button does not lead here again.
document.getElementById("form-post").requestSubmit();
