"""The edge: pages, API and sockets, and who may ask for what, and how much."""
