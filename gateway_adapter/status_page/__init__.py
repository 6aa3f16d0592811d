"""The status page: a customer's messages, read only, behind the key; render.py makes HTML, routes.py serves it."""
