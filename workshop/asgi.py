"""What the web server serves: Django over HTTP, the page's socket over websocket."""

import os

from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import WebsocketDenier
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workshop.settings")
http = get_asgi_application()

# These need Django to be set up.
from dashboard.backstage.health import HEALTH  # noqa: E402
from dashboard.live.hub import Hub  # noqa: E402
from dashboard.web.guards import SameOriginSocket  # noqa: E402
from dashboard.web.sockets import SagaSocket  # noqa: E402

hub = Hub(get_channel_layer(), HEALTH)
# An address that is none is refused, or it would be an error of ours.
sockets = URLRouter([path("ws/sagas/", SagaSocket.as_asgi(hub=hub)), re_path("", WebsocketDenier.as_asgi())])
application = ProtocolTypeRouter({"http": http, "websocket": SameOriginSocket(sockets)})
