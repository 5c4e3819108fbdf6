// A service with express-openid-connect: signed in by form_post, signed out over the back channel.
import express from 'express'
import pkg from 'express-openid-connect'

const { auth, requiresAuth } = pkg
const { ISSUER, ADDRESS, CLIENT_ID, CLIENT_SECRET, SESSION_SECRET, RESPONSE_MODE } = process.env

class Store {
  kept = new Map()
  get(key, answer) { answer(null, this.kept.get(key)) }
  set(key, value, answer) { this.kept.set(key, value); answer?.() }
  destroy(key, answer) { this.kept.delete(key); answer?.() }
}

const app = express()
app.get('/healthz', (request, response) => response.send('ok'))
app.use(
  auth({
    issuerBaseURL: ISSUER,
    baseURL: ADDRESS,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: SESSION_SECRET,
    authRequired: false,
    idpLogout: true,
    backchannelLogout: { store: new Store() },
    authorizationParams: { response_type: 'code', response_mode: RESPONSE_MODE, scope: 'openid profile' },
    session: { store: new Store() },
  }),
)
app.get('/', (request, response) => response.json(request.oidc.isAuthenticated() ? request.oidc.idTokenClaims : {}))
app.get('/mine', requiresAuth(), async (request, response) => response.json(await request.oidc.fetchUserInfo()))
app.listen(new URL(ADDRESS).port, '127.0.0.1')
