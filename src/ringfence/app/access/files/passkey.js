// Passkeys: between the browser's WebAuthn interface and ours. Nothing is shown where the browser knows none.
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const csrf = document.querySelector("meta[name=csrf]")?.content;

async function call(path, body) {
  const headers = { "Content-Type": "application/json", ...(csrf ? { "X-CSRF-Token": csrf } : {}) };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const content = await answer.json();
  if (!answer.ok) throw new Error(`${content.title}. ${content.remedy}`);
  return content;
}

function shown(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
}

async function register(name) {
  const { options, ticket } = await call("/api/v1/passkeys/options", {});
  options.challenge = bytes(options.challenge);
  options.user.id = bytes(options.user.id);
  for (const each of options.excludeCredentials ?? []) each.id = bytes(each.id);
  const credential = await navigator.credentials.create({ publicKey: options });
  await call("/api/v1/passkeys", { ticket, name, credential: shown(credential) });
  location.reload();
}

async function logIn(next) {
  const { options, ticket } = await call("/api/v1/passkeys/log-in/options", {});
  options.challenge = bytes(options.challenge);
  const credential = await navigator.credentials.get({ publicKey: options });
  await call("/api/v1/passkeys/log-in", { ticket, credential: shown(credential) });
  location.assign(next);
}

const section = document.getElementById("passkey");
if (section && window.PublicKeyCredential) {
  section.hidden = false;
  section.querySelector("button").addEventListener("click", async (event) => {
    event.preventDefault();
    const said = document.getElementById("passkey-said");
    said.textContent = "";
    try {
      const name = section.querySelector("input");
      await (name ? register(name.value) : logIn(section.dataset.next));
    } catch (error) {
      said.textContent = error.message;
    }
  });
}
