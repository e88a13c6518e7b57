"""What clients of any gRPC server rely on: health, reflection, deadlines, limits, errors."""

import uuid

import grpc
import p2p_exchange_pb2
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from market import PATIENCE, Case, reason_of
from payment.v1 import payment_pb2

EXCHANGE = "p2p.P2PExchangeService"
PAYMENT = "payment.v1.PaymentService"
SERVICES = {EXCHANGE, PAYMENT, "grpc.health.v1.Health"}


class Health(Case):
    def setUp(self):
        self.health = health_pb2_grpc.HealthStub(self.market.channel)

    def check(self, service):
        request = health_pb2.HealthCheckRequest(service=service)
        return self.health.Check(request, timeout=PATIENCE).status

    def test_all_is_served(self):
        for service in ["", EXCHANGE, PAYMENT]:
            with self.subTest(service=service):
                self.assertEqual(self.check(service), health_pb2.HealthCheckResponse.SERVING)

    def test_an_unknown_service(self):
        with self.refused(StatusCode.NOT_FOUND):
            self.check("p2p.NoSuchService")

    def test_the_state_is_told_at_once_and_the_watch_goes_on(self):
        watch = self.health.Watch(health_pb2.HealthCheckRequest(service=PAYMENT), timeout=PATIENCE)
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
        self.assertTrue(watch.is_active())
        watch.cancel()


class Reflection(Case):
    """grpcurl does the same."""

    def setUp(self):
        self.database = ProtoReflectionDescriptorDatabase(self.market.channel)
        self.pool = DescriptorPool(self.database)

    def test_services_are_listed(self):
        self.assertLessEqual(SERVICES, set(self.database.get_services()))

    def test_services_are_listed_by_v1(self):
        # Its messages are those of v1alpha.
        method = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
        ask = self.market.channel.stream_stream(
            method,
            reflection_pb2.ServerReflectionRequest.SerializeToString,
            reflection_pb2.ServerReflectionResponse.FromString,
        )
        requests = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        [answer] = ask(requests, timeout=PATIENCE)
        listed = {service.name for service in answer.list_services_response.service}
        self.assertLessEqual(SERVICES, listed)

    def test_what_is_reflected_is_what_is_published(self):
        for module in [p2p_exchange_pb2, payment_pb2]:
            for name, published in module.DESCRIPTOR.services_by_name.items():
                with self.subTest(service=name):
                    reflected = self.pool.FindServiceByName(published.full_name)
                    self.assertEqual(shape(reflected), shape(published))

    def test_a_call_without_generated_code(self):
        """The call that the payment service was first described with, for grpcurl: from text to text."""
        method = self.pool.FindServiceByName(PAYMENT).methods_by_name["AuthorizePayment"]
        answer = self.call(
            method,
            """{
              "idempotency_key": "550e8400-e29b-41d4-a716-446655440000",
              "payer_account_id": "acc-001",
              "payee_account_id": "acc-002",
              "amount_cents": 10000,
              "currency": "RUB"
            }""",
        )
        self.assertRegex(answer.pop("paymentId"), "^pay_")
        self.assertRegex(answer.pop("processedAt"), r"^20\d\d-.*Z$")
        self.assertTrue(answer["error"].pop("message"))
        expected = {"status": "PAYMENT_STATUS_DECLINED", "error": {"code": "PAYMENT_ERROR_CODE_ACCOUNT_NOT_FOUND"}}
        self.assertEqual(answer, expected)

    def call(self, method, text):
        request = json_format.Parse(text, message_factory.GetMessageClass(method.input_type)())
        answer = message_factory.GetMessageClass(method.output_type)
        call = self.market.channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            type(request).SerializeToString,
            answer.FromString,
        )
        metadata = self.market.newcomer().metadata
        return json_format.MessageToDict(call(request, metadata=metadata, timeout=PATIENCE))


def shape(service):
    """Methods with the fields of what goes in and what comes out."""

    def fields(message):
        return [(field.number, field.name, field.type, field.is_repeated) for field in message.fields]

    return {method.name: (fields(method.input_type), fields(method.output_type)) for method in service.methods}


class Limits(Case):
    @classmethod
    def setUpClass(cls):
        cls.payer = cls.market.newcomer(rub=1000)
        cls.payee = cls.market.newcomer()

    def payment(self, **fields):
        return payment_pb2.AuthorizePaymentRequest(
            idempotency_key=str(uuid.uuid4()),
            payer_account_id=self.payer.accounts["RUB"],
            payee_account_id=self.payee.accounts["RUB"],
            amount_cents=100,
            currency="RUB",
            **fields,
        )

    def test_a_deadline_leaves_nothing_half_done(self):
        before, held = self.payee.balance("RUB")
        payments = [self.payment() for _ in range(10)]
        self.assertFalse(self.is_answered(payments[0], within=1e-6))
        for milliseconds, payment in enumerate(payments[1:]):
            self.is_answered(payment, within=milliseconds / 1000)
        # Nobody can know which of them were made; the same again under the same key makes each exactly once.
        made = {payment_pb2.PAYMENT_STATUS_AUTHORIZED, payment_pb2.PAYMENT_STATUS_DUPLICATE}
        for payment in payments:
            self.assertIn(self.payer.payments.AuthorizePayment(payment).status, made)
        self.assertEqual(self.payee.balance("RUB"), (before + 10 * 100, held))

    def is_answered(self, payment, within):
        try:
            self.payer.payments.AuthorizePayment(payment, timeout=within)
            return True
        except grpc.RpcError as error:
            self.assertEqual(error.code(), StatusCode.DEADLINE_EXCEEDED, error.details())
            # Either side may be the first to notice.
            self.assertIn(reason_of(error), [None, "TIMEOUT"])
            return False

    def test_an_oversized_message(self):
        with self.refused(StatusCode.RESOURCE_EXHAUSTED, "PAYLOAD_TOO_LARGE"):
            self.payer.payments.AuthorizePayment(self.payment(description="x" * 100_000))

    def test_a_field_that_is_too_long(self):
        with self.refused(StatusCode.INVALID_ARGUMENT, "VALIDATION_FAILED"):
            self.payer.payments.AuthorizePayment(self.payment(description="x" * 501))

    def test_bytes_that_are_no_message(self):
        call = self.market.channel.unary_unary(f"/{PAYMENT}/GetPayment")
        with self.refused(StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE"):
            call(b"\xff\xff\xff", metadata=self.payer.metadata, timeout=PATIENCE)

    def test_an_unknown_method(self):
        call = self.market.channel.unary_unary(f"/{PAYMENT}/NoSuchMethod")
        with self.refused(StatusCode.UNIMPLEMENTED, "METHOD_NOT_FOUND"):
            call(b"", metadata=self.payer.metadata, timeout=PATIENCE)

    def test_the_request_id_comes_back(self):
        request = payment_pb2.GetAccountBalanceRequest(account_id=self.payer.accounts["RUB"])
        id_of_ours = ("x-request-id", "order-7")
        _, call = self.payer.payments.with_call("GetAccountBalance", request, id_of_ours)
        self.assertIn(id_of_ours, [tuple(entry) for entry in call.initial_metadata()])
