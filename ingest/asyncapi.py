"""The AsyncAPI document: what goes over the broker, from the service's side; rendered from the wire's tables.

A schema counts characters where the wire counts bytes, and cannot compare two values: there the code decides.
"""

import json
from typing import Any

from firmware import wire
from ingest import proto

Schema = dict[str, Any]

_ID = {"type": "string", "pattern": f"^[0-9a-f]{{{2 * wire.ID_BYTES}}}$"}
_NAME = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,31}$"}
_SEQ = {"type": "integer", "minimum": 1, "maximum": wire.MAX_SEQ}
_COUNT = {"type": "integer", "minimum": 0, "maximum": wire.MAX_SEQ}
_TIME_MS = {"type": "integer", "minimum": 0, "maximum": wire.MAX_TIME_MS}
_VERSION = {"const": wire.VERSION}
_CONN = {**_COUNT, "description": "The unit's connection number, counted up at each connection."}

# leaf: QoS, retained, what it is
_LEAVES = {
    "birth": (1, True, "A unit is there; and its will, when the broker has lost it."),
    "live": (
        0,
        False,
        "The newest fix and a few vital values, at most once a second. It only moves the marker.",
    ),
    "batch": (1, False, "Records of one lane in order. Settled by a receipt, not by the PUBACK."),
    "receipt": (1, True, "Per lane the mark below which all is stored; in answer to batches and births."),
    "command": (1, False, "Something asked of a unit; its answer is an event record."),
}


def document() -> Schema:
    """The document as JSON can hold it."""
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Ortoo",
            "version": f"{wire.VERSION}",
            "description": (
                "What units and the service say to each other over MQTT."
                f" JSON payloads have at most {wire.MAX_JSON_BYTES} bytes, batches {wire.MAX_BATCH_BYTES}."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {leaf: _channel(leaf) for leaf in _LEAVES},
        "operations": {leaf: _operation(leaf) for leaf in _LEAVES},
        "components": {
            "parameters": {"unit": {"description": "The unit's name: [a-z0-9][a-z0-9-]{0,31}"}},
            "messages": {leaf: _message(leaf) for leaf in _LEAVES},
        },
    }


def _channel(leaf: str) -> Schema:
    return {
        "address": wire.topic("{unit}", leaf),
        "description": _LEAVES[leaf][2],
        "parameters": {"unit": {"$ref": "#/components/parameters/unit"}},
        "messages": {leaf: {"$ref": f"#/components/messages/{leaf}"}},
    }


def _operation(leaf: str) -> Schema:
    qos, is_retained, summary = _LEAVES[leaf]
    return {
        "action": "receive" if leaf in wire.UP else "send",
        "channel": {"$ref": f"#/channels/{leaf}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{leaf}/messages/{leaf}"}],
        "bindings": {"mqtt": {"qos": qos, "retain": is_retained, "bindingVersion": "0.2.0"}},
    }


def _message(leaf: str) -> Schema:
    if leaf == "batch":
        return {
            "contentType": "application/x-protobuf",
            "description": "protobuf ortoo.v1.Batch, plain or as a zlib stream: then its first byte is 0x78.",
            "payload": {
                "schemaFormat": "application/vnd.google.protobuf;version=3",
                "schema": proto.text(),
            },
        }
    return {"contentType": "application/json", "payload": _PAYLOADS[leaf]()}


def _object(properties: Schema, required: tuple[str, ...], **others: Any) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        **others,
    }


def _field(field: wire.Field) -> Schema:
    if field.words:
        return {"enum": list(field.words)}
    return {"type": "integer", "minimum": field.low, "maximum": field.high, "description": field.unit}


def _live() -> Schema:
    fields = {field.name: field for kind in wire.LIVE_KINDS for field in wire.KINDS[kind].fields}
    properties = {
        "v": _VERSION,
        "conn": _CONN,
        "time_ms": {
            **_TIME_MS,
            "description": "Of the newest fix or, without one, of now; `clock` none: from boot.",
        },
        "clock": {"enum": list(wire.CLOCKS)},
        **{name: _field(field) for name, field in fields.items()},
    }
    both = {"lat_e7": ["lon_e7"], "lon_e7": ["lat_e7"]}
    return _object(properties, ("v", "conn", "time_ms", "clock"), dependencies=both)


def _birth() -> Schema:
    online = {
        "v": _VERSION,
        "conn": _CONN,
        "state": {"const": "online"},
        "epoch": {**_ID, "description": "Of the outbox file."},
        "boot": _ID,
        "software": {"type": "string", "maxLength": 64},
        "name": {"type": ["string", "null"], "maxLength": 64},
        "capabilities": {"type": "array", "items": _NAME, "maxItems": wire.MAX_CAPABILITIES},
    }
    offline = {"v": _VERSION, "conn": _CONN, "state": {"const": "offline"}}
    return {
        "oneOf": [
            _object(online, ("v", "conn", "state", "epoch", "boot", "software")),
            _object(offline, ("v", "conn", "state")),
        ]
    }


def _receipt() -> Schema:
    run = {"type": "array", "items": [_SEQ, _ID], "minItems": 2, "maxItems": 2}
    runs = {
        "type": "array",
        "items": run,
        "maxItems": wire.MAX_RUNS,
        "description": "[first seq, boot], rising.",
    }
    lane = _object({"mark": _COUNT, "runs": runs}, ("mark", "runs"))
    properties = {
        "v": _VERSION,
        "conn": {**_CONN, "description": "The unit's connection that is answered, 0 when none is known."},
        "epoch": _ID,
        "lanes": _object({name: lane for name in wire.LANES}, ()),
    }
    return _object(properties, ("v", "conn", "epoch", "lanes"))


def _command() -> Schema:
    base = {"v": _VERSION, "id": {"type": "string", "maxLength": 64}}
    raw_track = {**base, "what": {"const": "raw_track"}, "from_ms": _TIME_MS, "to_ms": _TIME_MS}
    lanes = {"enum": list(wire.LANES)}
    resend = {**base, "what": {"const": "resend"}, "lane": lanes, "first_seq": _SEQ, "last_seq": _SEQ}
    erase = {**base, "what": {"const": "erase"}}
    update = {
        **base,
        "what": {"const": "update"},
        "release": {"type": "string", "pattern": f"^[0-9a-f]{{{2 * wire.DIGEST_BYTES}}}$"},
        "bytes": {"type": "integer", "minimum": 1, "maximum": wire.MAX_HEAD_BYTES},
    }
    node = {"node": {**_NAME, "description": "Wired to the unit; without it the unit itself."}}
    settings = {
        **base,
        "what": {"const": "settings"},
        "settings": {"type": "object", "description": "Of a node that stands alone: firmware/settings/."},
    }
    call = {"type": "integer", "minimum": 1, "maximum": wire.KINDS["help"].by_name["call"].high}
    states = {"enum": list(wire.HELP_STATES), "description": "What the light at the button is to show."}
    help_ = {**base, "what": {"const": "help"}, "source": _NAME, "call": call, "state": states}
    wholes = [_object(command, tuple(command)) for command in (raw_track, resend, erase, settings, help_)]
    return {"oneOf": [*wholes, _object({**update, **node}, tuple(update))]}


_PAYLOADS = {"live": _live, "birth": _birth, "receipt": _receipt, "command": _command}


def text() -> str:
    """asyncapi.json."""
    return json.dumps(document(), indent=1) + "\n"
