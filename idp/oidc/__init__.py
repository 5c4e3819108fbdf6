"""The protocol: OpenID Connect and OAuth 2.0. The only room that imports Authlib."""
