"""Somebody to whom is done what nobody can go on after: to be logged out, to have another password or another second factor."""

import base64
import hashlib
import hmac
import itertools
import json
import time

import requests

PASSWORD = "three otters under a bridge"
PATIENCE = 30

# How far somebody must be with their second factor for an operation to succeed.
PLAIN, ENROLLED, CONFIRMED = range(3)
STAGES = {
    "log_in": PLAIN,
    "refresh": PLAIN,
    "log_out": PLAIN,
    "end_session": PLAIN,
    "end_other_sessions": PLAIN,
    "change_password": PLAIN,
    "enrol_second_factor": PLAIN,
    "confirm_second_factor": ENROLLED,
    "show_second_factor": CONFIRMED,
    "renew_recovery_codes": CONFIRMED,
    "remove_own_second_factor": CONFIRMED,
}
# After these, once they succeed, all is as it was.
HARMLESS = {"log_in", "end_other_sessions"}


class Understudy:
    """An account made for the purpose, and what its owner knows."""

    numbers = itertools.count(1)

    def __init__(self, url, who, stage):
        self.url = url
        self.email = f"understudy-{who}-{next(self.numbers)}@demo.example"
        self.password = PASSWORD
        self.code = None
        self.headers = {}
        self.call("POST", "auth/register", {"email": self.email, "password": PASSWORD, "name": "Understudy"})
        tokens = self.call("POST", "auth/login", {"email": self.email, "password": PASSWORD})
        self.session, self.refresh_token = tokens["session_id"], tokens["refresh_token"]
        self.bear(tokens)
        if stage >= ENROLLED:
            self.code = totp(self.call("POST", "auth/2fa/enroll", {"password": PASSWORD})["secret"])
        if stage >= CONFIRMED:
            answer = self.call("POST", "auth/2fa/confirm", {"code": self.code})
            self.bear(answer)
            self.code = answer["recovery_codes"][0]

    def bear(self, answer):
        self.headers = {"Authorization": f"Bearer {answer['access_token']}"}

    def call(self, method, path, body=None):
        # Servers on this machine are not behind a proxy, whatever the environment says.
        with requests.Session() as session:
            session.trust_env = False
            url = f"{self.url}/api/{path}"
            response = session.request(method, url, json=body, headers=self.headers, timeout=PATIENCE)
        if not response.ok:
            raise AssertionError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json() if response.content else None

    def knows(self):
        """Values for fields of requests."""
        known = {"email": self.email, "password": self.password, "current_password": self.password}
        return known | {"code": self.code, "refresh_token": self.refresh_token, "session_id": self.session}


class Understudies:
    """One for each stage, until they are used up."""

    def __init__(self, url, who):
        self.url = url
        self.who = who
        self.there = {}

    def of(self, operation):
        stage = STAGES[operation]
        if stage not in self.there:
            self.there[stage] = Understudy(self.url, self.who, stage)
        return self.there[stage]

    def spent(self, operation):
        if operation not in HARMLESS:
            self.there.pop(STAGES[operation], None)


def totp(secret):
    """What an authenticator shows now (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, int(time.time() // 30).to_bytes(8, "big"), hashlib.sha1).digest()
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place : place + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def subject(authorization):
    """Whom an access token names, if it is one."""
    try:
        claims = (authorization or "").split(".")[1]
        return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    except (IndexError, KeyError, TypeError, ValueError):
        return None
