"""The gateway before services that know no OpenID Connect: it decides each request, and signs people in for them."""
