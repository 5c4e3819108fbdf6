"""A Django service with mozilla-django-oidc, as its documentation sets it up. Run by its test, not imported."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import django
import requests
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, URLResolver, include, path

ISSUER, ADDRESS = os.environ["ISSUER"], os.environ["ADDRESS"]
FOUND: dict[str, Any] = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()


def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the service is up."""
    return HttpResponse("ok")


def home(request: HttpRequest) -> HttpResponse:
    """Say who is signed in."""
    user = request.user
    return JsonResponse({"email": user.email} if user.is_authenticated else {})


def renewed(request: HttpRequest) -> HttpResponse:
    """Say it too; the middleware asks the provider before."""
    return HttpResponse(request.user.email if request.user.is_authenticated else "")


def failed(request: HttpRequest) -> HttpResponse:
    """Say that the provider did not vouch for anybody."""
    return HttpResponse("failed")


def addresses() -> tuple[URLPattern | URLResolver, ...]:
    """Return the service's addresses; those of mozilla-django-oidc read the settings when they are included."""
    return (
        path("oidc/", include("mozilla_django_oidc.urls")),
        path("healthz", healthz),
        path("", home),
        path("renewed", renewed),
        path("oidc-failed", failed),
    )


def configure() -> None:
    """Set Django up."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        SECRET_KEY="a-secret-for-the-cookies-of-this-service",
        SESSION_COOKIE_NAME="django_service",
        USE_TZ=True,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "mozilla_django_oidc",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "mozilla_django_oidc.middleware.SessionRefresh",
        ],
        AUTHENTICATION_BACKENDS=["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        LOGIN_REDIRECT_URL="/",
        LOGIN_REDIRECT_URL_FAILURE="/oidc-failed",
        OIDC_RP_CLIENT_ID="django",
        OIDC_RP_CLIENT_SECRET=os.environ["CLIENT_SECRET"],
        OIDC_RP_SCOPES="openid profile email",
        OIDC_RP_SIGN_ALGO="RS256",
        OIDC_OP_AUTHORIZATION_ENDPOINT=FOUND["authorization_endpoint"],
        OIDC_OP_TOKEN_ENDPOINT=FOUND["token_endpoint"],
        OIDC_OP_USER_ENDPOINT=FOUND["userinfo_endpoint"],
        OIDC_OP_JWKS_ENDPOINT=FOUND["jwks_uri"],
        OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS=1,
        OIDC_EXEMPT_URLS=["/", "/healthz", "/oidc-failed"],
    )
    settings.ROOT_URLCONF = addresses()
    django.setup()


if __name__ == "__main__":
    configure()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("runserver", urlsplit(ADDRESS).netloc, use_reloader=False, verbosity=0)
