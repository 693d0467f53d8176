"""Where everything is on the web."""

from django.urls import path

from dashboard.web import pages
from dashboard.web.api import api

handler400 = "dashboard.web.guards.bad_request"
urlpatterns = [
    path("", pages.board, name="board"),
    path("onboard/", pages.onboard, name="onboard"),
    path("roster/", pages.upload_roster, name="roster"),
    path("stories/", pages.tell, name="stories"),
    path("login/", pages.login, name="login"),
    path("logout/", pages.logout, name="logout"),
    path("sagas/<str:saga_id>", pages.saga, name="saga"),
    path("favicon.ico", pages.favicon),
    path("", api.urls),
]
