"""Outbound connections of the service: HTTP, SMTP, the URL policy and the rate limits."""
