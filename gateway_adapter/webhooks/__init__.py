"""Webhook deliveries to customers."""
