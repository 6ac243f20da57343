// An OpenID provider on a free port of the loopback, for tests/app/test_oidc_node.py. It ends with its standard input.
// Its people, client and claims come as JSON in argv[2]: {client_id, client_secret, redirect_uri, people: {login: claims}}.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const told = JSON.parse(process.argv[2]);
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: told.client_id,
        client_secret: told.client_secret,
        redirect_uris: [told.redirect_uri],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'of-this-run' }] },
    cookies: { keys: ['only for this run'] },
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], groups: ['groups'] },
    scopes: ['openid', 'profile', 'groups'],
    conformIdTokenClaims: false, // Claims stand in the ID token, as most companies' providers put them there.
    pkce: { required: () => true },
    findAccount: (_, login) =>
      told.people[login] && { accountId: login, claims: async () => ({ sub: login, ...told.people[login] }) },
  });
  server.on('request', provider.callback());
  process.stdout.write(`${issuer}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
