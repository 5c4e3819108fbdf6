"""A portal that knows nothing of OpenID Connect: it reads headers, behind the provider's gateway."""
