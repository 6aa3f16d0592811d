"""The metrics, under their Prometheus names; docs/gateway.md lists them."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ACCEPTED = Counter("mms_gateway_accepted", "Recipients of submissions, by the status they were answered", ["status"])
RENDITIONS = Counter("mms_gateway_fitted", "Renditions made")
RENDITION_SECONDS = Histogram(
    "mms_gateway_fit_seconds", "Time to fit one rendition", buckets=(0.005, 0.02, 0.1, 0.3, 1, 3, 10, 30, 100)
)
SUBMITTED = Counter("mms_gateway_submitted", "Submissions to operators, by outcome", ["connection", "outcome"])
SUBMIT_SECONDS = Histogram("mms_gateway_submit_seconds", "Time an operator took to answer", ["connection"])
REPORTS = Counter("mms_gateway_reports", "Events that operators reported", ["connection", "kind"])
INBOUND = Counter("mms_gateway_inbound", "Messages from phones, by forwarding", ["action"])
WEBHOOKS = Counter("mms_gateway_webhook_tries", "Attempts to deliver a webhook, by outcome", ["kind", "outcome"])
HOUSEKEEPING = Counter("mms_gateway_swept", "Messages that housekeeping expired or deleted", ["what"])
QUEUED = Gauge("mms_gateway_queued", "Open messages by state, and open webhook deliveries", ["queue"])
DUE_AGE = Gauge("mms_gateway_due_age_seconds", "Age of the oldest due message or webhook", ["queue"])
REQUESTS = Histogram(
    "mms_gateway_request_seconds",
    "Time to answer a request",
    ["path", "status"],
    buckets=(0.005, 0.02, 0.1, 0.3, 1, 3, 10),
)
