// A web application of one person with openid-client: asks, waits for the address that the browser was sent back to
// (a line of stdin), and tells what it got (a line of stdout). It checks whatever openid-client checks by itself.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, ASKED = '{}', WANTS = '{}' } = process.env
const wants = JSON.parse(WANTS)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const tell = (value) => process.stdout.write(JSON.stringify(value) + '\n')

async function authentication() {
  if (wants.private_key) {
    const { alg } = wants.private_key
    const key = await crypto.subtle.importKey('jwk', wants.private_key, wants.algorithm, false, ['sign'])
    return client.PrivateKeyJwt({ key, kid: wants.private_key.kid })
  }
  if (!CLIENT_SECRET) return client.None()
  return wants.post ? client.ClientSecretPost(CLIENT_SECRET) : client.ClientSecretBasic(CLIENT_SECRET)
}

async function main() {
  const config = await client.discovery(new URL(ISSUER), CLIENT_ID, wants.metadata, await authentication(), {
    execute: [client.allowInsecureRequests],
    algorithm: wants.discovery ?? 'oidc',
  })
  const verifier = client.randomPKCECodeVerifier()
  const asked = {
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile offline_access',
    state: client.randomState(),
    nonce: client.randomNonce(),
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...JSON.parse(ASKED),
  }
  tell({ go: client.buildAuthorizationUrl(config, asked).href })
  const { value: back } = await lines.next()
  const tokens = await client.authorizationCodeGrant(config, new URL(back), {
    pkceCodeVerifier: verifier,
    expectedState: asked.state,
    expectedNonce: asked.nonce,
    idTokenExpected: true,
    ...(asked.max_age === undefined ? {} : { maxAge: asked.max_age }),
  })
  const claims = tokens.claims()
  const told = { claims, userinfo: await client.fetchUserInfo(config, tokens.access_token, claims.sub) }
  if (tokens.refresh_token) {
    const again = await client.refreshTokenGrant(config, tokens.refresh_token)
    told.refreshed = again.claims()
    if (CLIENT_SECRET || wants.private_key) {
      told.live = await client.tokenIntrospection(config, again.access_token)
    }
    await client.tokenRevocation(config, again.refresh_token)
    told.dead = await client.refreshTokenGrant(config, again.refresh_token).then(
      () => 'still good',
      (error) => error.error,
    )
  }
  if (wants.resource) {
    const own = await client.clientCredentialsGrant(config, { resource: wants.resource })
    told.own = own.scope
  }
  told.leave = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token }).href
  tell(told)
}

main().catch((error) => {
  tell({ failed: error.error ?? error.code ?? error.name, message: String(error.cause ?? error) })
  process.exitCode = 1
})
