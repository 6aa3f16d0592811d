"""Inbound connections from operators: HTTP callbacks and SMTP."""
