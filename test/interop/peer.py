"""Canonical JSON and signatures as `canonicaljson` and `signedjson` make and check them.

Reads one JSON object a line, `event` with its signatures and what redaction leaves of it, `signed`; the first line has the
keys. Answers each with one line.
"""

import json
import sys

from canonicaljson import encode_canonical_json
from signedjson.key import decode_signing_key_base64, decode_verify_key_bytes
from signedjson.sign import SignatureVerifyException, sign_json, verify_signed_json
from unpaddedbase64 import decode_base64, encode_base64


def verifies(signed, name, key):
    try:
        verify_signed_json(signed, name, key)
    except SignatureVerifyException:
        return False
    return True


keys = json.loads(sys.stdin.readline())
own = decode_signing_key_base64("ed25519", "peer", keys["peer_seed"])
theirs = decode_verify_key_bytes(keys["key_id"], decode_base64(keys["public_key"]))

for line in sys.stdin:
    question = json.loads(line)
    signed = question["signed"]
    altered = {**signed, "depth": signed["depth"] + 1}
    answer = {
        "canonical": encode_base64(encode_canonical_json(question["event"])),
        "verifies": verifies(signed, keys["server_name"], theirs),
        "verifies_altered": verifies(altered, keys["server_name"], theirs),
        "signatures": sign_json(json.loads(line)["signed"], keys["peer_name"], own)["signatures"],
    }
    print(json.dumps(answer))
