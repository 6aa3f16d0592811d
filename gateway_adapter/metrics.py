"""What is counted, under the names Prometheus sees; docs/gateway.md says what each is for."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "ACCEPTED",
    "DUE_AGE",
    "HOUSEKEEPING",
    "INBOUND",
    "QUEUED",
    "RENDITIONS",
    "RENDITION_SECONDS",
    "REPORTS",
    "REQUESTS",
    "SUBMITTED",
    "SUBMIT_SECONDS",
    "WEBHOOKS",
]

ACCEPTED = Counter("mms_gateway_accepted", "Recipients taken at the door, by the status they were answered", ["status"])
RENDITIONS = Counter("mms_gateway_fitted", "Renditions made")
RENDITION_SECONDS = Histogram(
    "mms_gateway_fit_seconds", "Time to fit one rendition", buckets=(0.005, 0.02, 0.1, 0.3, 1, 3, 10, 30, 100)
)
SUBMITTED = Counter("mms_gateway_submitted", "Submissions to operators, by how they ended", ["connection", "outcome"])
SUBMIT_SECONDS = Histogram("mms_gateway_submit_seconds", "Time an operator took to answer", ["connection"])
REPORTS = Counter("mms_gateway_reports", "What operators said", ["connection", "kind"])
INBOUND = Counter("mms_gateway_inbound", "Messages from phones, by what became of them", ["action"])
WEBHOOKS = Counter(
    "mms_gateway_webhook_tries", "Tries to tell a customer's system, by how they ended", ["kind", "outcome"]
)
HOUSEKEEPING = Counter("mms_gateway_swept", "Rows the sweep ended or took up again", ["what"])
QUEUED = Gauge("mms_gateway_queued", "Rows that wait, by what for", ["queue"])
DUE_AGE = Gauge("mms_gateway_due_age_seconds", "How long the oldest due row has been waiting", ["queue"])
REQUESTS = Histogram(
    "mms_gateway_request_seconds",
    "Time to answer a request",
    ["path", "status"],
    buckets=(0.005, 0.02, 0.1, 0.3, 1, 3, 10),
)
