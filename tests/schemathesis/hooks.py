"""What the description can't tell: which ids there are, that a key is used once, how providers sign, what hangs together.

What happens to a request depends on the request alone, not on chance or on the time of day, so that a run can be repeated.
"""

import atexit
import hashlib
import hmac
import json
import os
import re
import time
from collections import Counter
from pathlib import Path

import schemathesis
from scene import ID
from schemathesis.openapi.checks import RejectedPositiveData
from understudy import STAGES, Understudies, subject

# Who asks, and what there is: explore.py writes it.
SCENE = json.loads(Path(os.environ["P2P_SCENE"]).read_text())

# What the payment provider signs with, if there is one.
SECRET = os.environ.get("P2P_PROVIDER_SECRET", "").encode()

# Ids that name something: those of the scene, and whatever was answered since.
SEEN = {one for ids in SCENE["ids"].values() for one in ids}
# By operation, those that it needs to succeed.
MINE = SCENE["kept"].get(SCENE["person"], {})
# All of these. Another operation would use them up.
KEPT = {one for theirs in SCENE["kept"].values() for ids in theirs.values() for one in ids} - SEEN

# As the description has it.
KEY = re.compile(r'([!#-~][!-~]*|"([!#-\[\]-~]|\\["\\])+")')
LONGEST_KEY = 128
LARGEST_NUMBER = 2**53 - 1

# What is refused although each field is as described, and why no description of fields can say so.
REFUSALS = {
    # A cursor is opaque.
    "INVALID_CURSOR",
    # How much there may be of it, and how finely it divides, depends on the asset. INVALID_REPORT is the word for both
    # where payment providers report.
    "TOO_MANY_DECIMALS",
    "AMOUNT_TOO_LARGE",
    "INVALID_REPORT",
    # Easily guessed, or good no more: that does not show in how it is written.
    "WEAK_PASSWORD",
    "LINK_SPENT",
    # One field depends on another.
    "CURRENCY_REQUIRED",
    "EXCHANGE_TYPE_REQUIRED",
    "INVALID_LISTING",
    "PAYER_AMOUNT_MISMATCH",
    "SPLIT_OUT_OF_RANGE",
    # It depends on the money that is there, and on the listing.
    "INSUFFICIENT_FUNDS",
    "COUNTERPARTY_FUNDS",
    "OVER_REMAINING",
    "BELOW_MINIMUM",
    "ABOVE_MAXIMUM",
    "TOTAL_BELOW_COMMITTED",
    # PostgreSQL has no place for U+0000. A pattern on each and every text would say so, and nothing else.
    "INVALID_CHARACTER",
}

# Who stands in for the explorer where nobody could go on after it.
UNDERSTUDIES = Understudies(SCENE["url"], SCENE["person"])

# How often an operation was answered with which status.
TALLY = Counter()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes of many requests such as somebody would send who knows the market."""
    operation = case.operation.definition.raw.get("operationId", "")
    request = [SCENE["person"], case.method, case.path, case.path_parameters, case.query, case.body]
    # The same in every run, although the ids of what there is are not.
    seed = ID.sub(lambda match: match[1] if match[0] in SEEN else match[0], text_of(request))
    for name, value in case.path_parameters.items():
        case.path_parameters[name] = known(value, f"{seed} {name}", MINE.get(operation, []))
    case.body = known(case.body, seed)
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and len(key) <= LONGEST_KEY and KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = own(key, case)
    if operation == "receive_payment_report" and SECRET and lot(seed) % 4:
        if isinstance(case.body, dict) and isinstance(case.body.get("provider"), str):
            case.body["provider"] = SCENE["provider"]
        kwargs["auth"] = sign
    if operation == "stream_events":
        resume(case)
    if operation in STAGES:
        stand_in(case, operation, seed)


def stand_in(case, operation, seed):
    """Has it done to an understudy what would be done to the explorer, three times of four with all that it takes to succeed."""
    asks = subject(case.headers.get("Authorization"))
    if asks is None and case.operation.definition.raw.get("security"):
        return
    if asks not in {None, SCENE["self"]}:
        return
    understudy = UNDERSTUDIES.of(operation)
    if asks is not None:
        case.headers.update(understudy.headers)
    if lot(seed) % 4 == 0:
        return
    for name, value in understudy.knows().items():
        if isinstance(case.body, dict) and isinstance(case.body.get(name), str):
            case.body[name] = value
        if name in case.path_parameters:
            case.path_parameters[name] = value


def text_of(value):
    return json.dumps(value, sort_keys=True, default=lambda other: type(other).__name__)


def lot(seed):
    """A large number that has nothing to do with anything, but is always the same."""
    return int(hashlib.sha256(seed.encode()).hexdigest(), 16)


def known(value, seed, mine=()):
    """The value, with three quarters of the ids that name nothing replaced by ids that do."""
    if isinstance(value, dict):
        return {name: known(one, f"{seed} {name}") for name, one in value.items()}
    if isinstance(value, list):
        return [known(one, f"{seed} {index}") for index, one in enumerate(value)]
    match = ID.fullmatch(value) if isinstance(value, str) else None
    if not match or value in mine or (value in SEEN - KEPT and not mine):
        return value
    drawn = lot(seed)
    there = SCENE["ids"].get(match[1], [])
    # First what is meant for this operation, then one's own, then anybody's.
    if drawn % 4 < 2:
        there = mine or (match[1] == "user" and SCENE["self"] and [SCENE["self"]]) or there
    return there[drawn // 4 % len(there)] if there and drawn % 4 != 3 else value


def own(key, case):
    """A key of the same kind that belongs to this request alone."""
    request = text_of([key, SCENE["person"], case.method, case.path, case.path_parameters, case.body])
    mark = f"{lot(request):064x}"[:24]
    spare = max(0, len(key) + len(mark) - LONGEST_KEY)
    middle = (len(key) - spare) // 2
    return key[:middle] + mark + key[middle + spare :]


def sign(request):
    """Signs a payment report as it is sent, if it pretends to be signed."""
    if {"X-Provider", "X-Signature"} <= request.headers.keys():
        now = str(int(time.time()))
        body = request.body or b""
        signed = f"{now}.".encode() + (body.encode() if isinstance(body, str) else body)
        tag = hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
        request.headers["X-Provider"] = SCENE["provider"]
        request.headers["X-Signature"] = f"t={now},v1={tag}"
    return request


def resume(case):
    """Asks for events that there are already: otherwise none comes for as long as a request may last."""
    places = [(case.headers, "Last-Event-ID"), (case.query, "last_event_id")]
    given = [(place, name) for place, name in places if name in place]
    for place, name in given:
        number = str(place[name])
        if number.isdecimal() and int(number) <= LARGEST_NUMBER:
            place[name] = str(int(number) % max(1, SCENE["news"]))
    if not given:
        case.query["last_event_id"] = "0"


@schemathesis.hook
def after_call(context, case, response):
    SEEN.update(match[0] for match in ID.finditer(response.text))
    operation = case.operation.definition.raw.get("operationId", "")
    if operation in STAGES and response.status_code < 300:
        UNDERSTUDIES.spent(operation)
    if case.method.upper() == case.operation.method.upper():
        TALLY[f"{case.operation.label} {response.status_code}"] += 1


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Lets pass what is refused for reasons that no description of fields can give."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    codes = {error["code"] for error in problem.get("errors", []) if not is_whole(case.body, error["field"])}
    if not problem.get("errors"):
        codes = {problem["code"]}
    return not codes <= REFUSALS


def is_whole(body, field):
    """To JSON Schema 7.0 is an integer. Nobody writes integers like that, and the market does not read them."""
    value = body.get(field) if isinstance(body, dict) else None
    return isinstance(value, float) and value.is_integer()


@atexit.register
def tell():
    Path(os.environ["P2P_TALLY"]).write_text(json.dumps(TALLY))
