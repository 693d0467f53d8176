"""Django's settings, made from `workshop.config`. Every run size uses this one file."""

import logging

from saga.event_lines import LOGGER as EVENTS
from workshop import config
from workshop.channel_layer import channel_layers
from workshop.databases import databases
from workshop.logs import JsonFormatter
from workshop.static_files import fingerprint

CONFIG = config.load()
STATE_DIR = CONFIG.state_dir

SECRET_KEY = CONFIG.key()
DEBUG = CONFIG.debug
ALLOWED_HOSTS = CONFIG.hosts()

INSTALLED_APPS = ["channels", "django.contrib.staticfiles", "workshop", "dashboard", "consumers"]
MIDDLEWARE = [
    "dashboard.web.metrics.count_requests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "dashboard.web.guards.uses_no_device",
    "dashboard.web.guards.answers_head",
    "dashboard.web.guards.speaks_json",
    "dashboard.web.guards.same_origin",
    "dashboard.web.limits.limit_commands",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Synchronous, and so the innermost one: around it Django runs all of them in the thread of the view. Its own would
    # otherwise go to that thread and back to the loop twice, each.
    "dashboard.web.audit.log_acts",
]
ROOT_URLCONF = "workshop.urls"
ASGI_APPLICATION = "workshop.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [config.ROOT / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "dashboard.web.instructor.in_templates",
            ]
        },
    }
]

DATABASES = databases(CONFIG)
DATABASE_ROUTERS = ["workshop.databases.LedgerRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CHANNEL_LAYERS = channel_layers(CONFIG)

# A page is some sixty files. What they are stands in their address, so a browser keeps them for good: after a change it
# asks elsewhere. Modules import each other by relative paths, so all of a page is of one make.
STATIC_URL = f"static/{fingerprint(config.ROOT / 'static')}/"
STATICFILES_DIRS = [config.ROOT / "static"]
WHITENOISE_USE_FINDERS = True
if not DEBUG:
    WHITENOISE_MAX_AGE = 365 * 24 * 3600
    WHITENOISE_IMMUTABLE_FILE_TEST = "."  # all of them

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
INSTRUCTOR_PASSWORD = CONFIG.instructor_password
COMMANDS_PER_MINUTE = CONFIG.commands_per_minute
SAGAS_PER_MINUTE = CONFIG.sagas_per_minute
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SESSION_COOKIE_AGE = 8 * 3600
# Strict, they would stay away when somebody comes over a link: an instructor would find the page locked, and a new
# CSRF cookie would void the forms of open pages. Nothing is changed by following a link.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "dashboard.web.guards.csrf_failure"
# A class list of 10,000 names fits into one megabyte; what is larger is refused before it is read.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
# No form and no query has more than half as many fields.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10
DATA_UPLOAD_MAX_NUMBER_FILES = 1

HTTPS = CONFIG.https
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for other names below ours, and ...
    "security.W021",  # ... for ever, in a list inside the browsers: that is for the owner of the domain to want.
]
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # Asked by machines, from inside, without the proxy.
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
    SECURE_HSTS_SECONDS = 30 * 24 * 3600
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
else:
    # Without TLS a browser would not send secure cookies back, and there is nowhere to be led to.
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W008", "security.W011", "security.W016"]

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False


def _is_news(record: logging.LogRecord) -> bool:
    # 503 is an answer here, not an accident: "not ready yet", or "cannot be accepted now", with its reason.
    return getattr(record, "status_code", None) != 503


def _in_one_line(record: logging.LogRecord) -> bool:
    # Whoever asks for a name that is not ours has seen nothing of us. It is worth a line, and no traceback.
    record.exc_info = None
    return True


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "news": {"()": "django.utils.log.CallbackFilter", "callback": _is_news},
        "in one line": {"()": "django.utils.log.CallbackFilter", "callback": _in_one_line},
    },
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s", "datefmt": "%H:%M:%S"},
        "json": {"()": JsonFormatter},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": CONFIG.log_format}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # The page shows every event. On the screen of whoever runs this, nothing else would be found among them.
        EVENTS: {"level": "INFO" if CONFIG.log_format == "json" else "WARNING"},
        # They tell of every connection they lose; what that means for us, our own lines say.
        "kafka": {"level": "CRITICAL"},
        "channels_redis": {"level": "CRITICAL"},
        "psycopg.pool": {"level": "CRITICAL"},
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "django.security.DisallowedHost": {"filters": ["in one line"]},
        "django.request": {"level": "ERROR", "filters": ["news"]},
    },
}
