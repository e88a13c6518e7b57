"""The market that is tested, its people, and what all tests have in common."""

import json
import unittest
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from functools import partial

import grpc
import p2p_exchange_pb2_grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from payment.v1 import payment_pb2, payment_pb2_grpc

PASSWORD = "demo-password"
# That of the demo would be too easily guessed for anybody else.
NEW_PASSWORD = "orbit kettle 7 lantern"

# Seconds; more than any call of a healthy server takes.
PATIENCE = 30

# Servers on this machine are not behind a proxy, whatever the environment says.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
OPTIONS = [("grpc.enable_http_proxy", 0)]


class Market:
    def __init__(self, rest, address):
        self.base = rest.rstrip("/")
        self.address = address
        self.channel = grpc.insecure_channel(address, options=OPTIONS)
        grpc.channel_ready_future(self.channel).result(timeout=PATIENCE)

    def rest(self, method, path, body=None, token=None):
        """What gRPC has no method for."""
        headers = {"content-type": "application/json", "idempotency-key": str(uuid.uuid4())}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base}/api/{path}", data, headers, method=method)
        try:
            with DIRECT.open(request, timeout=PATIENCE) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error}: {error.read().decode()}") from None
        return json.loads(text) if text else None

    def log_in(self, name):
        """One of the demo's people."""
        return Person(self, f"{name}@demo.example")

    def newcomer(self, rub=0):
        """Somebody whom nobody has seen before, with so many roubles from the demo's faucet."""
        email = f"{uuid.uuid4()}@demo.example"
        self.rest("POST", "auth/register", {"email": email, "name": "Newcomer", "password": NEW_PASSWORD})
        person = Person(self, email, NEW_PASSWORD)
        if rub:
            person.rest("POST", "billing/deposit", {"user_id": person.id, "amount": rub, "asset": "RUB"})
        return person


class Person:
    """Somebody who is logged in, with stubs that say so in every call."""

    def __init__(self, market, email, password=PASSWORD):
        answer = market.rest("POST", "auth/login", {"email": email, "password": password})
        self.id = answer["user"]["user_id"]
        self.rest = partial(market.rest, token=answer["access_token"])
        self.metadata = (("authorization", f"Bearer {answer['access_token']}"),)
        self.exchange = Stub(p2p_exchange_pb2_grpc.P2PExchangeServiceStub(market.channel), self.metadata)
        self.payments = Stub(payment_pb2_grpc.PaymentServiceStub(market.channel), self.metadata)
        balances = self.rest("GET", "wallet")["balances"]
        self.accounts = {balance["asset"]: balance["account_id"] for balance in balances}

    def balance(self, asset):
        """What is available and what is held, in minor units."""
        request = payment_pb2.GetAccountBalanceRequest(account_id=self.accounts[asset])
        balance = self.payments.GetAccountBalance(request)
        assert (balance.account_id, balance.currency) == (request.account_id, asset), balance
        return balance.available_cents, balance.held_cents


class Stub:
    """A generated stub whose calls carry metadata and do not wait for ever."""

    def __init__(self, stub, metadata):
        self._stub = stub
        self._metadata = metadata

    def __getattr__(self, method):
        return partial(getattr(self._stub, method), metadata=self._metadata, timeout=PATIENCE)

    def future(self, method, request):
        """The call, which is under way."""
        return getattr(self._stub, method).future(request, metadata=self._metadata, timeout=PATIENCE)

    def with_call(self, method, request, *metadata):
        """The answer with the call, which has the metadata that came with it."""
        metadata = (*self._metadata, *metadata)
        return getattr(self._stub, method).with_call(request, metadata=metadata, timeout=PATIENCE)


class Case(unittest.TestCase):
    market: Market

    @contextmanager
    def refused(self, status, reason=None):
        """The call within fails with this status, and with this reason as google.rpc.ErrorInfo."""
        with self.assertRaises(grpc.RpcError) as caught:
            yield
        error = caught.exception
        self.assertEqual((error.code(), reason_of(error)), (status, reason), error.details())


def reason_of(error):
    """The stable code of the market's, if the error has one."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status else []:
        if detail.Unpack(info):
            assert info.domain == "p2p-market", info
            return info.reason
    return None
