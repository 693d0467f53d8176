"""Django's settings, made from `workshop.config`. Every run size uses this one file."""

import logging

from workshop import config
from workshop.channel_layer import channel_layers
from workshop.databases import databases

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

DATABASES = databases(CONFIG)
DATABASE_ROUTERS = ["workshop.databases.LedgerRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CHANNEL_LAYERS = channel_layers(CONFIG)

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
        # They tell of every connection they lose; what that means for us, our own lines say.
        "kafka": {"level": "CRITICAL"},
        "channels_redis": {"level": "CRITICAL"},
        "psycopg.pool": {"level": "CRITICAL"},
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "django.request": {"level": "ERROR", "filters": ["news"]},
    },
}
