"""Payments: the examples of the payment service's first description, every outcome, and who may see what."""

import asyncio
import time
import uuid

import grpc
from grpc import StatusCode
from market import OPTIONS, PATIENCE, Case
from payment.v1 import payment_pb2_grpc
from payment.v1.payment_pb2 import (
    AuthorizePaymentRequest,
    GetAccountBalanceRequest,
    GetPaymentRequest,
    PaymentErrorCode,
    PaymentStatus,
)

# The server admits 1000 payments at once and 100 a second after that, unless it is told otherwise: so many are sent at
# once, until one is too many, for so many seconds at most.
BURST, LONGEST = 200, 60


def outcome(answer):
    """How a payment was decided, and why so."""
    status = PaymentStatus.Name(answer.status).removeprefix("PAYMENT_STATUS_")
    if not answer.HasField("error"):
        return status, None
    assert answer.error.message, answer
    return status, PaymentErrorCode.Name(answer.error.code).removeprefix("PAYMENT_ERROR_CODE_")


class Payments(Case):
    @classmethod
    def setUpClass(cls):
        cls.payer = cls.market.newcomer(rub=1000)
        cls.payee = cls.market.newcomer()
        cls.bob, cls.mona = map(cls.market.log_in, ["bob", "mona"])

    def request(self, **fields):
        """100 roubles under a new key, but for what is said otherwise."""
        usual = {
            "idempotency_key": str(uuid.uuid4()),
            "payer_account_id": self.payer.accounts["RUB"],
            "payee_account_id": self.payee.accounts["RUB"],
            "amount_cents": 10000,
            "currency": "RUB",
        }
        return AuthorizePaymentRequest(**{**usual, **fields})

    def pay(self, request, by=None):
        answer = (by or self.payer).payments.AuthorizePayment(request)
        self.assertRegex(answer.payment_id, "^pay_")
        self.assertRegex(answer.processed_at, r"^20\d\d-\d\d-\d\dT.*Z$")
        return answer

    def assert_declined(self, request, reason, by=None):
        """It is declined, and stays so: nothing is moved, and the same again is told the same."""
        by = by or self.payer
        before = self.payer.balance("RUB"), self.payee.balance("RUB")
        answer = self.pay(request, by)
        self.assertEqual(outcome(answer), ("DECLINED", reason))
        payment = by.payments.GetPayment(GetPaymentRequest(payment_id=answer.payment_id))
        self.assertEqual(outcome(payment), ("DECLINED", reason))
        again = self.pay(request, by)
        self.assertEqual(outcome(again), ("DUPLICATE", reason))
        self.assertEqual((again.payment_id, again.error), (answer.payment_id, answer.error))
        self.assertEqual((self.payer.balance("RUB"), self.payee.balance("RUB")), before)

    def test_the_example_of_a_python_client(self):
        """Word for word, with a token. Those accounts do not exist here."""
        metadata = self.market.newcomer().metadata

        async def main():
            async with grpc.aio.insecure_channel(self.market.address, options=OPTIONS) as channel:
                stub = payment_pb2_grpc.PaymentServiceStub(channel)
                request = AuthorizePaymentRequest(
                    idempotency_key="550e8400-e29b-41d4-a716-446655440000",
                    payer_account_id="acc-001",
                    payee_account_id="acc-002",
                    amount_cents=10000,
                    currency="RUB",
                )
                return await stub.AuthorizePayment(request, metadata=metadata, timeout=PATIENCE)

        response = asyncio.run(main())
        self.assertRegex(response.payment_id, "^pay_")
        self.assertEqual(outcome(response), ("DECLINED", "ACCOUNT_NOT_FOUND"))

    def test_the_same_between_accounts_that_exist(self):
        key = "550e8400-e29b-41d4-a716-446655440000"
        request = self.request(idempotency_key=key, description="A kettle")
        payer, payee = self.payer.balance("RUB"), self.payee.balance("RUB")
        answer = self.pay(request)
        self.assertEqual(outcome(answer), ("AUTHORIZED", None))
        again = self.pay(request)
        self.assertEqual(outcome(again), ("DUPLICATE", None))
        self.assertEqual((again.payment_id, again.processed_at), (answer.payment_id, answer.processed_at))
        self.assertEqual(self.payer.balance("RUB"), (payer[0] - 10000, payer[1]))
        self.assertEqual(self.payee.balance("RUB"), (payee[0] + 10000, payee[1]))
        self.assert_found(answer, request)

    def assert_found(self, answer, request):
        for person in [self.payer, self.payee, self.mona]:
            payment = person.payments.GetPayment(GetPaymentRequest(payment_id=answer.payment_id))
            self.assertEqual(payment.payment_id, answer.payment_id)
            self.assertEqual(outcome(payment), ("AUTHORIZED", None))
            self.assertEqual((payment.processed_at, payment.refunded_at), (answer.processed_at, ""))
            for field in ["payer_account_id", "payee_account_id", "amount_cents", "currency", "description"]:
                self.assertEqual(getattr(payment, field), getattr(request, field))

    def test_insufficient_funds(self):
        self.assert_declined(self.request(amount_cents=1_000_01), "INSUFFICIENT_FUNDS")

    def test_account_not_found(self):
        self.assert_declined(self.request(payee_account_id="acc-002"), "ACCOUNT_NOT_FOUND")
        self.assert_declined(self.request(payer_account_id=""), "ACCOUNT_NOT_FOUND")
        self.assert_declined(self.request(), "ACCOUNT_NOT_FOUND", by=self.bob)

    def test_invalid_amount(self):
        for amount in [0, -1, -(2**63)]:
            self.assert_declined(self.request(amount_cents=amount), "INVALID_AMOUNT")

    def test_same_account(self):
        self.assert_declined(self.request(payee_account_id=self.payer.accounts["RUB"]), "SAME_ACCOUNT")

    def test_currency_mismatch(self):
        self.assert_declined(self.request(currency="USDT"), "CURRENCY_MISMATCH")
        self.assert_declined(self.request(payee_account_id=self.payee.accounts["USDT"]), "CURRENCY_MISMATCH")

    def test_rate_limited(self):
        hasty = self.market.newcomer()
        request, answer = self.hurry(hasty)
        again = self.pay(request, by=hasty)
        self.assertEqual(outcome(again), ("DUPLICATE", "RATE_LIMITED"))
        self.assertEqual(again.payment_id, answer.payment_id)
        # Nobody else has to wait for that.
        self.assertEqual(outcome(self.pay(self.request(amount_cents=1))), ("AUTHORIZED", None))

    def hurry(self, person):
        """Pays until that is too often. Nothing is moved, whatever is decided."""
        nothing = {"payer_account_id": person.accounts["RUB"], "amount_cents": 0}
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            requests = [self.request(**nothing) for _ in range(BURST)]
            calls = [person.payments.future("AuthorizePayment", request) for request in requests]
            for request, call in zip(requests, calls):
                answer = call.result()
                if outcome(answer) == ("DECLINED", "RATE_LIMITED"):
                    return request, answer
                self.assertEqual(outcome(answer), ("DECLINED", "INVALID_AMOUNT"))
        self.fail("this server admits any number of payments, or is too slow to be in a hurry with")

    def test_one_key_fifty_times_at_once(self):
        request = self.request(amount_cents=1)
        before, _ = self.payee.balance("RUB")
        calls = [self.payer.payments.future("AuthorizePayment", request) for _ in range(50)]
        answers = [call.result() for call in calls]
        statuses = sorted(outcome(answer)[0] for answer in answers)
        self.assertEqual(statuses, ["AUTHORIZED"] + ["DUPLICATE"] * 49)
        self.assertEqual(len({answer.payment_id for answer in answers}), 1)
        self.assertEqual(self.payee.balance("RUB")[0], before + 1)

    def test_once_for_a_key(self):
        paid, declined = self.request(amount_cents=1), self.request(amount_cents=0)
        self.assertEqual(outcome(self.pay(paid)), ("AUTHORIZED", None))
        self.assertEqual(outcome(self.pay(declined)), ("DECLINED", "INVALID_AMOUNT"))
        for request in [paid, declined]:
            for other in [{"amount_cents": 2}, {"description": "Another"}]:
                used = {"idempotency_key": request.idempotency_key, "amount_cents": request.amount_cents}
                with self.refused(StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED"):
                    self.payer.payments.AuthorizePayment(self.request(**{**used, **other}))
        # A key is its caller's: to others it is as good as new.
        theirs = self.bob.payments.AuthorizePayment(paid)
        self.assertEqual(outcome(theirs), ("DECLINED", "ACCOUNT_NOT_FOUND"))

    def test_a_key_is_needed(self):
        with self.refused(StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REQUIRED"):
            self.payer.payments.AuthorizePayment(self.request(idempotency_key=""))
        for bad in ["two words", "x" * 129]:
            with self.refused(StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_INVALID"):
                self.payer.payments.AuthorizePayment(self.request(idempotency_key=bad))

    def test_a_currency_is_needed(self):
        for currency, reason in [("", "MISSING_FIELD"), ("XXX", "VALIDATION_FAILED")]:
            with self.refused(StatusCode.INVALID_ARGUMENT, reason):
                self.payer.payments.AuthorizePayment(self.request(currency=currency))

    def test_a_token_is_needed(self):
        account = GetAccountBalanceRequest(account_id=self.payer.accounts["RUB"])
        payment = GetPaymentRequest(payment_id="pay_01jt0c7kq5e8tvb1y9m3x4z6wa")
        payments = self.payer.payments
        calls = [
            (payments.AuthorizePayment, self.request()),
            (payments.GetPayment, payment),
            (payments.GetAccountBalance, account),
        ]
        for call, request in calls:
            with self.refused(StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"):
                call(request, metadata=None)
            with self.refused(StatusCode.UNAUTHENTICATED, "INVALID_TOKEN"):
                call(request, metadata=[("authorization", "Bearer nobody")])

    def test_what_is_not_yours_does_not_exist(self):
        payment = GetPaymentRequest(payment_id=self.pay(self.request(amount_cents=1)).payment_id)
        with self.refused(StatusCode.NOT_FOUND, "PAYMENT_NOT_FOUND"):
            self.bob.payments.GetPayment(payment)
        account = GetAccountBalanceRequest(account_id=self.payer.accounts["RUB"])
        with self.refused(StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND"):
            self.bob.payments.GetAccountBalance(account)
        missing = GetAccountBalanceRequest(account_id="acct_01jt0c7kq5e8tvb1y9m3x4z6wa")
        with self.refused(StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND"):
            self.payer.payments.GetAccountBalance(missing)
        with self.refused(StatusCode.INVALID_ARGUMENT, "MALFORMED_ID"):
            self.payer.payments.GetAccountBalance(GetAccountBalanceRequest(account_id="acc-001"))
        balance = self.mona.payments.GetAccountBalance(account)
        self.assertEqual((balance.available_cents, balance.held_cents), self.payer.balance("RUB"))
