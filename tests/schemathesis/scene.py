"""What there is to be found: the demo's people, and deals, orders and payments of theirs in every state."""

import re
import uuid
from collections import defaultdict

import requests

PASSWORD = "demo-password"
PEOPLE = ["alice", "dora", "emil", "mona", "adam"]
# Has nothing to do with any of them, so that nothing of theirs is his to see.
STRANGER = "bob"

# Seconds; more than any call of a healthy server takes.
PATIENCE = 30

# A prefix, and a UUID in base 32.
ID = re.compile(r"\b([a-z]+)_[0-7][0-9a-hjkmnp-tv-z]{25}\b")


class Market:
    """A client that remembers every id that it is shown."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        self.ids = defaultdict(list)
        self.session = requests.Session()
        # Servers on this machine are not behind a proxy, whatever the environment says.
        self.session.trust_env = False

    def call(self, method, path, body=None, token=None):
        headers = {"idempotency-key": str(uuid.uuid4()), "prefer": "wait=20"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        url = f"{self.url}/api/{path}"
        response = self.session.request(method, url, json=body, headers=headers, timeout=PATIENCE)
        if not response.ok:
            raise AssertionError(f"{method} {path}: {response.status_code} {response.text}")
        for match in ID.finditer(response.text):
            if match[0] not in self.ids[match[1]]:
                self.ids[match[1]].append(match[0])
        return response.json() if response.content else None


class Person:
    """Somebody who is logged in."""

    def __init__(self, market, name):
        self.market = market
        answer = market.call("POST", "auth/login", {"email": address(name), "password": PASSWORD})
        self.id = answer["user"]["user_id"]
        self.token = answer["access_token"]

    def get(self, path):
        return self.market.call("GET", path, token=self.token)

    def send(self, method, path, body=None):
        return self.market.call(method, path, body, self.token)

    def accounts(self):
        return {balance["asset"]: balance["account_id"] for balance in self.get("wallet")["balances"]}


def address(name):
    return f"{name}@demo.example"


class Scene:
    """Who is who, which ids there are, and which of them an operation needs to succeed."""

    def __init__(self, market):
        self.url = market.url
        self.people = {name: Person(market, name) for name in PEOPLE}
        self.kept = {name: defaultdict(list) for name in PEOPLE}
        self.furnish()
        # What is kept for one operation is out of reach of the others, which would use it up.
        kept = {one for theirs in self.kept.values() for ids in theirs.values() for one in ids}
        kept -= {person.id for person in self.people.values()}
        self.ids = {prefix: [one for one in ids if one not in kept] for prefix, ids in market.ids.items()}

    def known_to(self, name):
        """What the hooks are told, as JSON."""
        person = self.people.get(name)
        return {
            "url": self.url,
            "person": name,
            "self": person.id if person else None,
            # How much is in the mailbox.
            "news": person.get("notifications")["last"] if person else 0,
            "ids": self.ids,
            "kept": self.kept,
        }

    def furnish(self):
        alice, dora, emil, mona, adam = (self.people[name] for name in PEOPLE)
        sells, buys = (listing(dora, way) for way in ["CRYPTO2FIAT", "FIAT2CRYPTO"])
        for steps in range(4):
            deal(alice, dora, sells, steps)
        # None of Alice's business.
        deal(dora, emil, listing(emil, "CRYPTO2FIAT"), 1)
        accounts = alice.accounts()
        for person in [alice, dora]:
            dispute(person, deal(alice, dora, sells, 1))
            order(person)
            withdrawal(person)
            kept = self.kept["alice"] if person is alice else self.kept["dora"]
            kept["cancel_offer"].append(deal(alice, dora, sells, 0))
            kept["open_dispute"].append(deal(alice, dora, sells, 1))
            # Who pays, and who holds the crypto, depends on the direction.
            pays, holds = (buys, sells) if person is alice else (sells, buys)
            kept["confirm_payment"].append(deal(alice, dora, pays, 1))
            kept["confirm_receipt"].append(deal(alice, dora, holds, 2))
        self.kept["dora"]["respond_to_offer"].append(deal(alice, dora, sells, 0))
        for name in ["mona", "adam"]:
            self.kept[name]["unfreeze_exchanger"].append(dora.id)
            self.kept[name]["resolve_dispute"].append(dispute(alice, deal(alice, dora, buys, 1)))
        self.kept["adam"]["refund_order"].append(order(alice))
        self.kept["adam"]["approve_withdrawal"].append(withdrawal(alice))
        self.kept["adam"]["reject_withdrawal"].append(withdrawal(alice))
        payment = {"payer_account_id": accounts["RUB"], "payee_account_id": emil.accounts()["RUB"]}
        alice.send("POST", "payments", {**payment, "amount": "1", "currency": "RUB"})
        for person in [alice, dora, emil, mona, adam]:
            for path in ["wallet", "wallet/entries", "notifications", "p2p/disputes"]:
                person.get(path)


def listing(exchanger, way):
    """One of the exchanger's listings of USDT in this direction."""
    found = exchanger.get(f"p2p/listings?exchanger_id={exchanger.id}&exchange_type={way}&asset=USDT")
    return found["items"][0]


def deal(customer, exchanger, listing, steps):
    """A deal that has gone so many steps from PENDING on: APPROVED, PAYMENT_CONFIRMED, FINISHED."""
    way = listing["exchange_type"]
    holder, payer = (customer, exchanger) if way == "CRYPTO2FIAT" else (exchanger, customer)
    body = {"listing_id": listing["listing_id"], "amount": "20", "exchange_type": way}
    offer = customer.send("POST", "p2p/exchange-offers", body)["offer_id"]
    path = f"p2p/exchange-offers/{offer}"
    moves = [
        (exchanger, "PUT", "response", {"action": "ACCEPT"}),
        (payer, "POST", "confirm-payment", {"payment_reference": "tx_1"}),
        (holder, "POST", "confirm-receipt", {}),
    ]
    for who, method, move, body in moves[:steps]:
        who.send(method, f"{path}/{move}", body)
    return offer


def dispute(person, offer):
    return person.send("POST", f"p2p/exchange-offers/{offer}/dispute", {"reason": "Nobody answers"})["dispute_id"]


def order(person):
    return person.send("POST", "orders", {"amount": "1", "asset": "USDT", "description": "A kettle"})["order_id"]


def withdrawal(person):
    body = {"amount": "1", "asset": "USDT", "destination": "My wallet"}
    return person.send("POST", "billing/withdrawals", body)["withdrawal_id"]
