"""A portal that knows no OpenID Connect: it believes the headers that the gateway vouches for."""
