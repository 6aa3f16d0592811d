"""mms-gateway: the whole send and receive flow between a customer's system and a mobile operator.

A thin service around mmscontent: it takes MMS over HTTP as a customer's SDK sends them, fits the content to the
receiver, hands it to an operator or an aggregator, and reports back. It imports only what `import mmscontent` shows.
"""
