"""The customers' API: Infobip's MMS API and what this gateway adds to it.

Readers turn requests into submissions: mms_v1_single, mms_v1_advanced, mms_v2, messages_api and inbound_configurations,
over fields, common_fields, multipart and xml_codec. Response shapes are in responses, filled by serializers;
webhook_bodies uses them. `routes` holds the HTTP endpoints; everything else does no I/O.
"""
