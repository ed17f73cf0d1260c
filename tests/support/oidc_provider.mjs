// A certified OpenID provider (the npm package oidc-provider) on loopback, as the tests want it.
//   node oidc_provider.mjs '{"port": 4000, "web": "…/web", "clients": [...]}'
// Its own login form takes somebody's claims in JSON as their name ({"sub": "1", "email": "…", "email_verified": true}) and any password.
// Writes one line when it listens.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const { port, web, clients } = JSON.parse(process.argv[2])
const { Provider } = await import(pathToFileURL(createRequire(join(web, 'package.json')).resolve('oidc-provider')).href)

const issuer = `http://127.0.0.1:${port}`
const provider = new Provider(issuer, {
  clients,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // Many providers put the e-mail address into the ID token itself.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ['tests only'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => JSON.parse(id) }),
})
// Each enterprise comes back to an address of its own, and tests make enterprises as they go.
provider.Client.prototype.redirectUriAllowed = function (uri) {
  return this.redirectUris.some((registered) => uri.startsWith(registered))
}
createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log(`listening at ${issuer}`))
