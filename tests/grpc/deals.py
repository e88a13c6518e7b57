"""Deals from the first word to the last, by all nine methods. Listings are published over REST."""

import uuid

from grpc import StatusCode
from market import Case
from p2p_exchange_pb2 import (
    EXCHANGE_TYPE_CRYPTO2FIAT,
    EXCHANGE_TYPE_FIAT2CRYPTO,
    RESPONSE_ACTION_ACCEPT,
    RESPONSE_ACTION_DECLINE,
    SIDE_CUSTOMER,
    SIDE_EXCHANGER,
    CancelTransactionRequest,
    ConfirmPaymentRequest,
    ConfirmReceiptRequest,
    CreateExchangeOfferRequest,
    DisputeStatus,
    ExchangeType,
    GetTransactionStatusRequest,
    OfferStatus,
    OpenDisputeRequest,
    Resolution,
    ResolveDisputeRequest,
    RespondExchangeOfferRequest,
    SetExchangerStatusRequest,
)

DIRECTIONS = [EXCHANGE_TYPE_CRYPTO2FIAT, EXCHANGE_TYPE_FIAT2CRYPTO]

# 100 USDT, as they are asked for and in minor units; a tenth of a percent of what is paid out is the market's.
AMOUNT, MINOR = "100.0", 100_000_000


def less_fee(minor):
    return minor - minor // 1000


def short(enum, value):
    """PENDING for OFFER_STATUS_PENDING."""
    return enum.Name(value).removeprefix({OfferStatus: "OFFER_STATUS_", DisputeStatus: "DISPUTE_STATUS_"}[enum])


class Deals(Case):
    @classmethod
    def setUpClass(cls):
        cls.alice, cls.dora, cls.mona, cls.bob = map(cls.market.log_in, ["alice", "dora", "mona", "bob"])

    def setUp(self):
        self.go(online=True)
        people = [self.alice, self.dora]
        self.before = {person.id: person.balance("USDT") for person in people}

    def go(self, online):
        request = SetExchangerStatusRequest(exchanger_id=self.dora.id, online=online)
        answer = self.dora.exchange.SetExchangerStatus(request)
        self.assertEqual((answer.exchanger_id, answer.online), (self.dora.id, online))
        self.assertEqual(answer.message, "Exchanger status updated")

    def parties(self, direction):
        """Who pays the fiat, and who holds the crypto."""
        if direction == EXCHANGE_TYPE_CRYPTO2FIAT:
            return self.dora, self.alice
        return self.alice, self.dora

    def proposal(self, direction):
        """Alice's answer to a new listing of Dora's."""
        listing = {
            "exchange_type": ExchangeType.Name(direction).removeprefix("EXCHANGE_TYPE_"),
            "crypto_asset": "USDT",
            "fiat_currency": "EUR",
            "price": "0.92",
            "total_amount": "1000",
            "min_amount": "10",
            "max_amount": "500",
            "payment_methods": ["SEPA"],
        }
        listing = self.dora.rest("POST", "p2p/listings", listing)["listing_id"]
        self.addCleanup(self.dora.rest, "DELETE", f"p2p/listings/{listing}")
        return CreateExchangeOfferRequest(
            customer_id=self.alice.id,
            listing_id=listing,
            amount=AMOUNT,
            exchange_type=direction,
            conditions="SEPA only",
        )

    def offer(self, direction):
        answer = self.alice.exchange.CreateExchangeOffer(self.proposal(direction))
        self.assertRegex(answer.offer_id, "^offer_")
        self.assert_says(answer, "PENDING", "Exchange offer created successfully")
        _, holder = self.parties(direction)
        self.assert_moved(holder, available=-MINOR, held=MINOR)
        return answer.offer_id

    def respond(self, offer, action):
        request = RespondExchangeOfferRequest(offer_id=offer, exchanger_id=self.dora.id, action=action)
        return self.dora.exchange.RespondExchangeOffer(request)

    def approved(self, direction):
        offer = self.offer(direction)
        self.assert_says(self.respond(offer, RESPONSE_ACTION_ACCEPT), "APPROVED", "Exchange offer accepted")
        return offer

    def paid(self, direction):
        offer = self.approved(direction)
        payer, _ = self.parties(direction)
        request = ConfirmPaymentRequest(offer_id=offer, payment_reference="tx_abc123", **self.as_author(payer))
        side = "exchanger" if payer is self.dora else "customer"
        answer = payer.exchange.ConfirmPayment(request)
        self.assert_says(answer, "PAYMENT_CONFIRMED", f"Payment confirmed by {side}")
        return offer

    def cancel(self, offer, person, side):
        request = CancelTransactionRequest(offer_id=offer, cancelled_by=side, reason="It takes too long")
        return person.exchange.CancelTransaction(request)

    def as_author(self, person):
        return {"exchanger_id" if person is self.dora else "customer_id": person.id}

    def assert_says(self, answer, status, message):
        self.assertEqual((short(OfferStatus, answer.status), answer.message), (status, message))

    def assert_stands(self, offer, status, details):
        for person in [self.alice, self.dora, self.mona]:
            answer = person.exchange.GetTransactionStatus(GetTransactionStatusRequest(offer_id=offer))
            self.assertEqual((answer.offer_id, short(OfferStatus, answer.status)), (offer, status))
            self.assertRegex(answer.details, details)

    def assert_moved(self, person, available=0, held=0):
        before = self.before[person.id]
        self.assertEqual(person.balance("USDT"), (before[0] + available, before[1] + held))

    def test_the_full_deal(self):
        for direction in DIRECTIONS:
            with self.subTest(direction=ExchangeType.Name(direction)):
                self.setUp()
                payer, holder = self.parties(direction)
                offer = self.paid(direction)
                self.assert_stands(offer, "PAYMENT_CONFIRMED", "^Waiting for the .* to confirm receipt")
                request = ConfirmReceiptRequest(offer_id=offer, **self.as_author(holder))
                answer = holder.exchange.ConfirmReceipt(request)
                self.assert_says(answer, "FINISHED", "Fiat received, transaction completed")
                self.assert_stands(offer, "FINISHED", "^Transaction completed at ")
                self.assert_moved(holder, available=-MINOR)
                self.assert_moved(payer, available=less_fee(MINOR))

    def test_a_dispute_is_resolved(self):
        part = 40_000_000
        decisions = [
            ("RESOLVED_FINISHED", "", "FINISHED", less_fee(MINOR), 0),
            ("RESOLVED_CANCELLED", "", "CANCELLED", 0, MINOR),
            ("RESOLVED_SPLIT", "40", "FINISHED", less_fee(part), MINOR - part),
        ]
        for resolution, amount, status, paid_out, given_back in decisions:
            with self.subTest(resolution=resolution):
                self.setUp()
                offer = self.paid(EXCHANGE_TYPE_FIAT2CRYPTO)
                dispute = self.dispute(offer)
                self.assert_moved(self.dora, available=-MINOR, held=MINOR)
                request = ResolveDisputeRequest(
                    dispute_id=dispute,
                    resolution=Resolution.Value(f"RESOLUTION_{resolution}"),
                    comment="The documents are in order",
                    payer_amount=amount,
                )
                with self.refused(StatusCode.PERMISSION_DENIED, "ROLE_REQUIRED"):
                    self.alice.exchange.ResolveDispute(request)
                request.admin_id = self.mona.id
                answer = self.mona.exchange.ResolveDispute(request)
                self.assertEqual((answer.dispute_id, answer.message), (dispute, "Dispute resolved by admin"))
                self.assertEqual(short(DisputeStatus, answer.status), "DISPUTE_RESOLVED")
                self.assert_stands(offer, status, "^Transaction ")
                self.assert_moved(self.alice, available=paid_out)
                self.assert_moved(self.dora, available=given_back - MINOR)

    def dispute(self, offer):
        request = OpenDisputeRequest(offer_id=offer, opened_by=SIDE_CUSTOMER, reason="The crypto does not come")
        answer = self.alice.exchange.OpenDispute(request)
        self.assertRegex(answer.dispute_id, "^dispute_")
        self.assertEqual(short(DisputeStatus, answer.status), "DISPUTE_OPEN")
        self.assertEqual(answer.message, "Dispute opened successfully")
        self.assert_stands(offer, "DISPUTE_OPEN", "^In dispute since ")
        with self.refused(StatusCode.ALREADY_EXISTS, "DISPUTE_ALREADY_OPENED"):
            self.alice.exchange.OpenDispute(request)
        return answer.dispute_id

    def test_an_offer_is_declined(self):
        for direction in DIRECTIONS:
            with self.subTest(direction=ExchangeType.Name(direction)):
                offer = self.offer(direction)
                answer = self.respond(offer, RESPONSE_ACTION_DECLINE)
                self.assert_says(answer, "DECLINED", "Exchange offer declined")
                self.assert_stands(offer, "DECLINED", "^Offer declined by the exchanger at ")
                for person in [self.alice, self.dora]:
                    self.assert_moved(person)
                with self.refused(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
                    self.respond(offer, RESPONSE_ACTION_ACCEPT)

    def test_a_deal_is_called_off(self):
        for direction in DIRECTIONS:
            with self.subTest(direction=ExchangeType.Name(direction)):
                offer = self.approved(direction)
                payer, holder = self.parties(direction)
                sides = {self.alice.id: SIDE_CUSTOMER, self.dora.id: SIDE_EXCHANGER}
                answer = self.cancel(offer, holder, sides[holder.id])
                self.assert_says(answer, "APPROVED", "Cancellation proposed; the other side must agree")
                self.assert_stands(offer, "APPROVED", "proposes to cancel$")
                answer = self.cancel(offer, payer, sides[payer.id])
                self.assert_says(answer, "CANCELLED", "Transaction cancelled")
                self.assert_stands(offer, "CANCELLED", "^Transaction cancelled at ")
                for person in [self.alice, self.dora]:
                    self.assert_moved(person)

    def test_who_is_offline_gets_no_offers(self):
        proposal = self.proposal(EXCHANGE_TYPE_CRYPTO2FIAT)
        self.addCleanup(self.go, online=True)
        self.go(online=False)
        with self.refused(StatusCode.FAILED_PRECONDITION, "EXCHANGER_OFFLINE"):
            self.alice.exchange.CreateExchangeOffer(proposal)

    def test_once_for_a_key(self):
        proposal = self.proposal(EXCHANGE_TYPE_CRYPTO2FIAT)
        key = ("idempotency-key", str(uuid.uuid4()))
        replayed = ("idempotency-replayed", "true")
        first, call = self.alice.exchange.with_call("CreateExchangeOffer", proposal, key)
        self.assertNotIn(replayed, metadata_of(call))
        again, call = self.alice.exchange.with_call("CreateExchangeOffer", proposal, key)
        self.assertIn(replayed, metadata_of(call))
        self.assertEqual(again, first)
        self.assert_moved(self.alice, available=-MINOR, held=MINOR)
        proposal.amount = "101"
        with self.refused(StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED"):
            self.alice.exchange.with_call("CreateExchangeOffer", proposal, key)
        self.respond(first.offer_id, RESPONSE_ACTION_DECLINE)

    def test_what_is_refused(self):
        proposal = self.proposal(EXCHANGE_TYPE_CRYPTO2FIAT)
        with self.refused(StatusCode.PERMISSION_DENIED, "IDENTITY_MISMATCH"):
            self.bob.exchange.CreateExchangeOffer(proposal)
        with self.refused(StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"):
            self.alice.exchange.CreateExchangeOffer(proposal, metadata=None)
        proposal.amount = "a hundred"
        with self.refused(StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED"):
            self.alice.exchange.CreateExchangeOffer(proposal)
        offer = self.offer(EXCHANGE_TYPE_CRYPTO2FIAT)
        with self.refused(StatusCode.NOT_FOUND, "OFFER_NOT_FOUND"):
            self.bob.exchange.GetTransactionStatus(GetTransactionStatusRequest(offer_id=offer))
        with self.refused(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
            self.alice.exchange.ConfirmReceipt(ConfirmReceiptRequest(offer_id=offer))
        self.respond(offer, RESPONSE_ACTION_DECLINE)


def metadata_of(call):
    return [tuple(entry) for entry in (*call.initial_metadata(), *call.trailing_metadata())]
