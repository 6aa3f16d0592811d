"""The simulated operator behind the loopback connector, and the demonstration that uses it."""
