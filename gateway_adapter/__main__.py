"""`python -m gateway_adapter` is `mms-gateway`."""

from gateway_adapter.cli import main

main()
