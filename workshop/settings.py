"""Django's settings, made from `workshop.config`. Every run size uses this one file."""

import logging

from saga.topics import SERVICES
from workshop import config

CONFIG = config.load()
STATE_DIR = CONFIG.state_dir

SECRET_KEY = CONFIG.key()
DEBUG = CONFIG.debug
ALLOWED_HOSTS = CONFIG.hosts()

INSTALLED_APPS = ["channels", "django.contrib.staticfiles", "workshop", "dashboard", "consumers"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "dashboard.guards.same_origin",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "workshop.urls"
ASGI_APPLICATION = "workshop.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [config.ROOT / "templates"],
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]


def _sqlite(name: str) -> dict[str, object]:
    # IMMEDIATE: a transaction that reads and then writes would otherwise fail at once when another one writes.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": STATE_DIR / f"{name}.sqlite3",
        "OPTIONS": {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
        },
        # None needs another: a test makes only those that it names.
        "TEST": {"NAME": STATE_DIR / f"test-{name}.sqlite3", "DEPENDENCIES": []},
    }


# The read model, and one ledger for each service, which no other service opens.
DATABASES = {"default": _sqlite("dashboard"), **{service: _sqlite(f"ledger-{service}") for service in SERVICES}}
DATABASE_ROUTERS = ["workshop.databases.LedgerRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

STATIC_URL = "static/"
STATICFILES_DIRS = [config.ROOT / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 0

if CONFIG.email_host:
    EMAIL_HOST, EMAIL_PORT = CONFIG.email_host, CONFIG.email_port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = CONFIG.email_host_user, CONFIG.email_host_password
    EMAIL_USE_TLS = CONFIG.email_use_tls
    EMAIL_TIMEOUT = 5
else:
    EMAIL_BACKEND = "consumers.mail.OneFilePerMessageBackend"
    EMAIL_FILE_PATH = STATE_DIR / "mail"
DEFAULT_FROM_EMAIL = CONFIG.default_from_email

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "dashboard.guards.csrf_failure"
# A class list of 10,000 names fits into one megabyte; what is larger is refused before it is read.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False


def _is_news(record: logging.LogRecord) -> bool:
    # 503 is an answer here, not an accident: "not ready yet", or "cannot be accepted now", with its reason.
    return getattr(record, "status_code", None) != 503


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"news": {"()": "django.utils.log.CallbackFilter", "callback": _is_news}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s", "datefmt": "%H:%M:%S"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # It tells of every connection it loses; what that means for us, our own lines say.
        "kafka": {"level": "CRITICAL"},
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "django.request": {"level": "ERROR", "filters": ["news"]},
    },
}
