// Takes the one-time secret out of the address (behind '#': it never reaches a server's log) into the form.
const field = document.getElementById("link");
const secret = location.hash.slice(1);
if (field && secret) {
  field.value = secret;
  field.closest("label").hidden = true;
  history.replaceState(null, "", location.pathname);
  const first = document.querySelector("form input:not([type=hidden]):not(#link)");
  if (first) first.focus();
}
