"""The customers' side: Infobip's MMS API and what this gateway adds to it.

Pure: faults, values, xmlform (the wire) · drafts, single, advanced, messages, omni, configurations (requests as
submissions) · telling, reports (what is told). multipart reads a body as it arrives. `routes` are the HTTP endpoints.
"""
