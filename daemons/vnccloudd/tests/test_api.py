#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The API of a running vnccloudd, and vnccloudctl.

Claims: VNC Cloud's documented calls work; each path, verb and status of docs/openapi.yaml is answered as it says; a key sees its account
only, in each call, and does what its scopes allow and no more; keys that are wrong, expired, from elsewhere or of a disabled account are refused alike;
a POST with an Idempotency-Key is carried out once, also over a restart and for two that come at once, and what is kept for it
cannot be read from the database; requests that could be read in two ways are refused; a full disk refuses changes only; what was answered
survives kill -9; changes are in the audit, which verifies; metrics name nobody; vnccloudctl does what its page says.
"""
import base64
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import unittest
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
try:
    import cloud_api
    from cloud_api import SPEC, Service
except ImportError as e:
    print("skipped: %s" % e)
    sys.exit(77)

OLD = "/cloud/1.1/static-address"
NEW = "/cloud/2/addresses"
NOBODY = "00000-00000-00000-0000K"  # a good address that nobody has


class Case(unittest.TestCase):
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.service = Service(*cls.arguments)

    @classmethod
    def tearDownClass(cls):
        cls.service.close()

    def ask(self, *arguments, **more):
        status = more.pop("status", None)
        a = self.service.ask(*arguments, **more)
        if status is not None:
            self.assertEqual(a.status, status, (arguments, a.body))
        return a

    def tenant(self, *scopes):
        return self.service.key(self.service.account("tenant %d" % time.monotonic_ns()), *scopes)


class OldDialect(Case):
    def test_a_walk_through_what_vnc_cloud_documents(self):
        key = self.tenant()
        policy = {"allowedActions": "listen", "groups": ["production"], "accessControl": {"groups": ["admins"], "cloudAddresses": []}}
        made = self.ask("POST", OLD, policy, key=key, status=201)
        self.assertEqual(set(made.json), {"cloudAddress", "cloudPassword"})
        address = made.json["cloudAddress"]
        self.assertEqual(made.headers["location"], OLD + "/" + address)
        self.assertEqual(self.ask("GET", OLD + "/" + address + "/ready", key=key, status=200).json, {"changes": "none"})
        got = self.ask("GET", OLD + "/" + address, key=key, status=200)
        self.assertEqual(got.json, {"cloudAddress": address, "allowedActions": ["listen"], "groups": ["production"],
                                    "accessControl": {"groups": ["admins"], "cloudAddresses": []}})
        viewer = self.ask("POST", OLD, {"allowedActions": ["connect"], "groups": ["admins"]}, key=key, status=201).json["cloudAddress"]
        self.assertNotIn("accessControl", self.ask("GET", OLD + "/" + viewer, key=key).json)
        changed = self.ask("PUT", OLD + "/" + address, {"accessControl": {"cloudAddresses": [viewer.lower().replace("-", "")]}}, key=key,
                           headers={"If-Match": got.headers["etag"]}, status=200)
        self.assertEqual(changed.json["accessControl"], {"groups": [], "cloudAddresses": [viewer]})
        self.assertEqual(changed.json["groups"], ["production"])
        self.ask("PUT", OLD + "/" + address, {"groups": []}, key=key, headers={"If-Match": got.headers["etag"]}, status=412)
        open_again = self.ask("PUT", OLD + "/" + address, {"accessControl": None}, key=key, status=200)
        self.assertNotIn("accessControl", open_again.json)
        reset = self.ask("POST", OLD + "/" + address, key=key, status=200)
        self.assertEqual(reset.json["cloudAddress"], address)
        self.assertNotEqual(reset.json["cloudPassword"], made.json["cloudPassword"])
        self.ask("POST", OLD + "/" + address, key=key, headers={"If-Match": '"1"'}, status=412)
        self.ask("DELETE", OLD + "/" + address, key=key, headers={"If-Match": '"1"'}, status=412)
        self.ask("DELETE", OLD + "/" + address, key=key, status=204)
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", ""), ("GET", "/ready")):
            self.ask(method, OLD + "/" + address + path, key=key, status=404)
        self.ask("PUT", OLD + "/" + address, {"groups": []}, key=key, status=404)

    def test_pages_are_of_1_to_99(self):
        key = self.tenant()
        made = {self.ask("POST", OLD, {"allowedActions": "connect"}, key=key, status=201).json["cloudAddress"] for _ in range(23)}
        page = self.ask("GET", OLD, key=key, status=200)
        self.assertEqual(len(page.json["items"]), 20)
        found = [i["cloudAddress"] for i in page.json["items"]]
        page = self.ask("GET", page.next(), key=key, status=200)
        self.assertIsNone(page.next())
        found += [i["cloudAddress"] for i in page.json["items"]]
        self.assertEqual(len(found), 23)
        self.assertEqual(set(found), made)
        self.assertEqual(len(self.ask("GET", OLD + "?limit=99", key=key, status=200).json["items"]), 23)
        self.assertEqual(len(self.ask("GET", OLD + "?limit=1", key=key, status=200).json["items"]), 1)
        for bad in ("limit=0", "limit=100", "limit=-1", "limit=a", "limit=", "limit=5&limit=5", "limt=5", "after=x", "limit=%32%00"):
            self.ask("GET", OLD + "?" + bad, key=key, status=400)

    def test_limits_of_16_24_and_8(self):
        key = self.tenant()
        good = {"allowedActions": "listen", "groups": ["g%d" % i for i in range(16)],
                "accessControl": {"groups": ["a%d" % i for i in range(24)], "cloudAddresses": [NOBODY] * 8}}
        self.ask("POST", OLD, good, key=key, status=201)
        for bad in ({"groups": ["g%d" % i for i in range(17)]}, {"accessControl": {"groups": ["a%d" % i for i in range(25)]}},
                    {"accessControl": {"cloudAddresses": [NOBODY] * 9}}, {"groups": ["a" * 256]}, {"groups": [""]}, {"groups": ["a\nb"]},
                    {"groups": ["a\u202eb"]}, {"groups": ["a", "a"]}, {"groups": "a"}, {"groups": [1]}, {"allowedActions": []},
                    {"allowedActions": "watch"}, {"allowedActions": ["listen", "x"]}, {"allowedActions": None},
                    {"accessControl": {"cloudAddresses": ["00000-00000-00000-00000"]}}, {"accessControl": {"peers": []}}, {"ttl": 5},
                    {"accessControl": []}):
            a = self.ask("POST", OLD, {**good, **bad}, key=key, status=400)
            self.assertEqual(a.json["errorCode"], "bad-request")
        self.ask("POST", OLD, {"groups": []}, key=key, status=400)


class NewDialect(Case):
    def test_a_walk_through_addresses(self):
        key = self.tenant()
        made = self.ask("POST", NEW, {"actions": ["listen", "connect"], "label": "front desk \u00e9", "ttl": 3600, "uses": 5,
                                      "access": {"groups": ["a"]}}, key=key, status=201)
        address = made.json["address"]
        got = self.ask("GET", NEW + "/" + address, key=key, status=200)
        self.assertEqual({**got.json, "password": made.json["password"]}, made.json)
        self.assertEqual((got.json["label"], got.json["uses"], got.json["online"]), ("front desk \u00e9", 5, False))
        got = self.ask("PUT", NEW + "/" + address, {"ttl": None, "uses": None, "access": None, "label": ""}, key=key, status=200)
        self.assertEqual((got.json["expires"], got.json["uses"], got.json["access"], got.json["version"]), (None, None, None, 2))
        self.assertEqual(self.ask("GET", NEW + "/" + address, key=key).json, got.json)
        self.ask("PUT", NEW + "/" + address, {"uses": 0}, key=key, status=400)
        self.ask("PUT", NEW + "/" + address, {"label": "x"}, key=key, headers={"If-Match": '"1"'}, status=412)
        self.ask("PUT", NEW + "/" + address, {"label": "x"}, key=key, headers={"If-Match": 'W/"2"'}, status=412)
        self.ask("PUT", NEW + "/" + address, {"label": "x"}, key=key, headers={"If-Match": "*"}, status=200)
        self.assertNotEqual(self.ask("POST", NEW + "/" + address + "/password", key=key, status=200).json["password"], made.json["password"])
        self.ask("POST", NEW + "/" + address + "/password", key=key, headers={"If-Match": '"1"'}, status=412)
        self.ask("GET", NEW + "/" + address + "/ready", key=key, status=200)
        self.assertEqual(self.ask("GET", "/cloud/2/presence/" + address, key=key, status=200).json["online"], False)
        self.assertEqual(self.ask("GET", "/cloud/2/presence", key=key, status=200).json, {"items": []})
        self.ask("GET", "/cloud/2/presence?limit=x", key=key, status=400)
        self.ask("DELETE", "/cloud/2/presence/" + address, key=key, status=404)
        end, kinds = time.monotonic() + cloud_api.LIMIT, []
        while len(kinds) < 4 and time.monotonic() < end:  # leaves are written a moment after the change
            logged = self.ask("GET", "/cloud/2/log/openings?address=" + address, key=key, status=200).json["openings"]
            kinds = [o["kind"] for o in logged]
        self.assertEqual(kinds, ["policy"] * 3 + ["reset"])
        self.ask("GET", "/cloud/2/log/openings?adress=" + address, key=key, status=400)
        self.ask("DELETE", NEW + "/" + address, key=key, headers={"If-Match": '"1"'}, status=412)
        self.ask("DELETE", NEW + "/" + address, key=key, status=204)
        self.ask("GET", "/cloud/2/log/openings?address=" + address, key=key, status=404)
        for method, path in (("GET", NEW + "/%s"), ("DELETE", NEW + "/%s"), ("GET", NEW + "/%s/ready"), ("POST", NEW + "/%s/password"),
                             ("GET", "/cloud/2/presence/%s"), ("DELETE", "/cloud/2/presence/%s")):
            self.ask(method, path % address, key=key, status=404)
        self.ask("PUT", NEW + "/" + address, {}, key=key, status=404)

    def test_pages(self):
        key = self.tenant()
        for _ in range(5):
            self.ask("POST", NEW, {"actions": "connect"}, key=key, status=201)
        found, path = [], NEW + "?limit=2"
        while path:
            page = self.ask("GET", path, key=key, status=200)
            found += page.json["items"]
            path = page.next()
        self.assertEqual(len({i["address"] for i in found}), 5)
        self.ask("GET", NEW + "?limit=501", key=key, status=400)

    def test_what_is_over_is_removed(self):
        key = self.tenant()
        address = self.ask("POST", NEW, {"actions": "connect", "ttl": 1}, key=key, status=201).json["address"]
        end = time.monotonic() + 60
        while self.ask("GET", NEW + "/" + address, key=key).status == 200:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.3)
            self.service.restart()  # it looks when it starts, and once a minute
        lines = self.ask("GET", "/cloud/2/audit", key=key, status=200).json["items"]
        self.assertIn(("address.expired", address), [(i["event"], i.get("target")) for i in lines])

    def test_an_account_has_no_more_than_it_may(self):
        account = self.service.account("small")
        got = self.ask("PUT", "/cloud/2/accounts/" + account, {"address_limit": 2}, status=200)
        self.assertEqual(got.json["address_limit"], 2)
        key = self.service.key(account)
        for status in (201, 201, 403):
            self.ask("POST", NEW, {"actions": "connect"}, key=key, status=status)
        for status in (403,):
            self.ask("POST", OLD, {"allowedActions": "connect"}, key=key, status=status)

    def test_bodies_that_are_none(self):
        key = self.tenant()
        deep = b'{"access": {"groups": [[[[["a"]]]]]}, "actions": "listen"}'
        for body in (b"", b"{", b"[]", b"1", b"null", b'{"actions":"listen","actions":"connect"}', b'{"actions":"listen"} x', deep,
                     b'{"actions":"lis\\u0000ten"}', b'{"actions":"listen","label":"\xff"}', b'{"actions":"listen","nonsense":1}', b"[" * 5000):
            self.ask("POST", NEW, body, key=key, status=400)
        for kind in ("text/plain", "application/jsonx", "application/x-www-form-urlencoded"):
            self.ask("POST", NEW, {"actions": "listen"}, key=key, headers={"Content-Type": kind}, status=415)
            self.ask("POST", OLD, {"allowedActions": "listen"}, key=key, headers={"Content-Type": kind}, status=415)
        self.ask("POST", NEW, {"actions": "listen"}, key=key, headers={"Content-Type": "application/json; charset=utf-8"}, status=201)
        self.ask("POST", NEW, {"actions": "listen"}, status=400)  # the operator says for whom


def with_checksum(text):
    crc, sum_ = zlib.crc32(text.encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        sum_ = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[digit] + sum_
    return text + sum_


class Keys(Case):
    def test_a_walk_through_keys(self):
        account = self.service.account("keys")
        key = self.service.key(account, "key:manage", "address:read", "account:read")
        made = self.ask("POST", "/cloud/2/keys", {"scopes": ["address:read"], "label": "l", "networks": ["127.0.0.0/8", "::1"], "ttl": 3600},
                        key=key, status=201)
        name = made.json["key"]
        got = self.ask("GET", "/cloud/2/keys/" + name, key=key, status=200)
        self.assertEqual({**got.json, "secret": made.json["secret"]}, made.json)
        self.ask("GET", NEW, key=(name, made.json["secret"]), status=200)
        got = self.ask("PUT", "/cloud/2/keys/" + name, {"label": "other", "ttl": None, "networks": []}, key=key, status=200)
        self.assertEqual((got.json["label"], got.json["expires"], got.json["networks"]), ("other", None, []))
        self.ask("PUT", "/cloud/2/keys/" + name, {"label": "x"}, key=key, headers={"If-Match": '"1"'}, status=412)
        self.ask("DELETE", "/cloud/2/keys/" + name, key=key, headers={"If-Match": '"1"'}, status=412)
        for bad in ({"scopes": []}, {"scopes": ["x"]}, {"scopes": ["audit:read"]}, {"networks": ["192.0.2.1/24"]}, {"networks": ["a"]},
                    {"networks": ["10.0.0.0/33"]}, {"networks": "::/0"}, {"networks": ["::/0 ::/0"]}, {"ttl": 0}, {"ttl": 1.5}, {"x": 1}):
            self.ask("PUT", "/cloud/2/keys/" + name, bad, key=key, status=400)
            self.ask("POST", "/cloud/2/keys", {"scopes": ["address:read"], **bad}, key=key, status=400)
        page = self.ask("GET", "/cloud/2/keys?limit=1", key=key, status=200)
        self.assertEqual(len(page.json["items"]) + len(self.ask("GET", page.next(), key=key).json["items"]), 2)
        self.ask("GET", "/cloud/2/keys?after=x", key=key, status=400)
        self.assertEqual(self.ask("GET", "/cloud/2/account", key=key, status=200).json["id"], account)
        self.ask("DELETE", "/cloud/2/keys/" + name, key=key, status=204)
        self.ask("GET", NEW, key=(name, made.json["secret"]), status=401)
        for method in ("GET", "DELETE"):
            self.ask(method, "/cloud/2/keys/" + name, key=key, status=404)
        self.ask("PUT", "/cloud/2/keys/" + name, {}, key=key, status=404)
        self.ask("GET", "/cloud/2/account", status=400)
        self.ask("GET", "/cloud/2/account?account=nobody", status=404)

    def test_the_roots_list_is_for_everybody(self):
        for make in (None, self.service.public):
            self.assertEqual(self.ask("GET", "/root.crl", make=make, status=200).headers["content-type"], "application/pkix-crl")

    def test_a_key_does_not_change_one_that_may_do_more(self):
        account = self.service.account("ranks")
        low, high = self.service.key(account, "key:manage", "address:read"), self.service.key(account, "key:manage", "address:delete")
        for body in ({"networks": []}, {"ttl": None}, {"label": "x"}, {"scopes": ["address:read"]}):
            self.ask("PUT", "/cloud/2/keys/" + high[0], body, key=low, status=403)
        self.ask("PUT", "/cloud/2/keys/" + low[0], {"label": "own"}, key=low, status=200)
        self.ask("DELETE", "/cloud/2/keys/" + high[0], key=low, status=204)

    def test_whatever_is_wrong_with_a_key_is_answered_alike(self):
        account = self.service.account("wrong")
        name, secret = self.service.key(account)
        other = self.service.key(account)
        elsewhere = self.service.key(account, networks=["192.0.2.0/24"])
        gone = self.service.key(account, ttl=1)
        flipped = secret[:30] + ("A" if secret[30] != "A" else "B") + secret[31:]
        summed = with_checksum(flipped[:-6])
        self.assertEqual(with_checksum(secret[:-6]), secret)
        unknown = ("vck_" + "0" * 16, "vck_" + "0" * 16 + secret[20:])
        answers = []
        time.sleep(1.1)  # the shortest life of a key; what is waited for is that moment
        for key in ((name, flipped), (name, summed), (name, other[1]), (other[0], secret), (name, ""), ("", secret), (name[4:], secret), unknown, elsewhere, gone,
                    (name, secret + "x"), ("x" * 300, "y" * 300)):
            answers.append(self.ask("GET", NEW, key=key, status=401))
        for field in ("Bearer " + secret, "Basic", "Basic !", "Basic " + base64.b64encode(b"no colon").decode(), "basic  " + "A" * 3000):
            answers.append(self.ask("GET", NEW, key=("", ""), headers={"Authorization": field}, status=401))
        answers.append(self.ask("GET", NEW, make=self.service.public, status=401))
        self.assertEqual(len({a.body for a in answers}), 1)
        self.assertTrue(all(a.headers["www-authenticate"].startswith("Basic ") for a in answers))
        self.ask("GET", NEW, key=(name, secret), status=200)
        self.ask("PUT", "/cloud/2/accounts/" + account, {"disabled": True}, status=200)
        answers.append(self.ask("GET", NEW, key=(name, secret), status=401))
        self.assertEqual(answers[-1].body, answers[0].body)
        self.ask("PUT", "/cloud/2/accounts/" + account, {"disabled": False}, status=200)
        self.ask("GET", NEW, key=(name, secret), status=200)
        reasons = {i["details"]["reason"] for i in self.ask("GET", "/cloud/2/audit?limit=500").json["items"] if i["event"] == "key.refused"}
        self.assertLessEqual({"wrong secret", "expired", "from elsewhere", "no key", "account disabled"}, reasons)

    arguments = ("--limit-api-failure", "0")

    def test_when_a_key_was_used_is_known_after_a_while(self):
        account = self.service.account("used")
        key = self.service.key(account)
        self.ask("GET", NEW, key=key, status=200)
        self.service.restart()  # what was collected is written in batches, and at the end
        self.assertIsNotNone(self.ask("GET", "/cloud/2/keys/" + key[0], status=200).json["last_used"])


def operations():
    for template, item in SPEC["paths"].items():
        for verb, operation in item.items():
            if verb in ("get", "put", "post", "delete"):
                yield template, verb.upper(), operation


BODIES = {"oldCreate": {"allowedActions": "listen"}, "oldUpdate": {"groups": ["x"]}, "createAddress": {"actions": "listen"},
          "updateAddress": {"label": "x"}, "createKey": {"scopes": ["address:read"]}, "updateKey": {"label": "x"},
          "createAccount": {"name": "by a key"}, "updateAccount": {"name": "by a key"}}


class Tenants(Case):
    arguments = ("--limit-api", "0", "--limit-api-source", "0", "--limit-api-failure", "0")

    def test_each_call_for_what_is_anothers_finds_nothing_and_changes_nothing(self):
        mine, theirs = self.service.account("mine"), self.service.account("theirs")
        key = self.service.key(mine)
        foreign = self.service.key(theirs)
        address = self.ask("POST", NEW, {"actions": "listen", "label": "untouched"}, key=foreign, status=201).json["address"]
        before = self.ask("GET", NEW + "/" + address, status=200).json
        keys_before = self.ask("GET", "/cloud/2/keys/" + foreign[0], status=200).json["version"]
        names = {"{address}": address, "{key}": foreign[0], "{account}": theirs}
        for template, method, operation in operations():
            if operation.get("x-scope", "operator") == "operator" and "/accounts" not in template:
                continue
            path = template
            for name, value in names.items():
                path = path.replace(name, value)
            if operation["operationId"] == "openings":
                path += "?address=" + address
            a = self.ask(method, path, BODIES.get(operation["operationId"]), key=key)
            if "?" in path:
                self.assertEqual(a.status, 404)
                continue
            if operation["x-scope"] == "operator":
                self.assertEqual(a.status, 403, (method, template))
            elif "{" in template:
                self.assertEqual(a.status, 404, (method, template))
            self.assertNotIn(address, a.body.decode(), (method, template))
            self.assertNotIn(theirs, a.body.decode().replace(path, ""), (method, template))
            self.assertEqual(self.ask(method, path + "?account=theirs", BODIES.get(operation["operationId"]), key=key).status,
                             403 if operation["x-scope"] == "operator" else 400, (method, template))
        self.assertEqual(self.ask("GET", NEW + "/" + address, status=200).json, before)
        self.assertEqual(self.ask("GET", "/cloud/2/keys/" + foreign[0], status=200).json["version"], keys_before)

    def test_a_key_does_what_its_scope_says_and_no_more(self):
        account = self.service.account("scoped")
        for scope in cloud_api.SCOPES:
            key = self.service.key(account, scope)
            for template, method, operation in operations():
                needs = operation.get("x-scope")
                if needs is None or template == "/metrics":
                    continue
                path = template.replace("{address}", NOBODY).replace("{key}", "vck_" + "0" * 16).replace("{account}", "0" * 32)
                a = self.ask(method, path, BODIES.get(operation["operationId"], None), key=key)
                if needs != scope:
                    self.assertEqual(a.status, 403, (scope, method, template))
                else:
                    self.assertNotIn(a.status, (401, 403, 500), (scope, method, template, a.body))


    def test_each_call_wants_a_key(self):
        for template, method, operation in operations():
            if "x-scope" not in operation or template == "/metrics":
                continue
            path = template.replace("{address}", NOBODY).replace("{key}", "vck_" + "0" * 16).replace("{account}", "0" * 32)
            self.ask(method, path, BODIES.get(operation["operationId"]), make=self.service.public, status=401)


class Accounts(Case):
    def test_a_walk_through_accounts(self):
        made = self.ask("POST", "/cloud/2/accounts", {"name": "acme", "relay_kbit": 1000}, status=201)
        path = made.headers["location"]
        self.assertEqual(self.ask("GET", path, status=200).json, made.json)
        self.ask("POST", "/cloud/2/accounts", {"name": "acme"}, status=409)
        self.ask("POST", "/cloud/2/accounts", {"name": ""}, status=400)
        self.service.account("second")
        self.ask("PUT", path, {"name": "second"}, status=409)
        self.ask("PUT", path, {"disabled": 1}, status=400)
        self.ask("PUT", path, {"name": "acme & sons"}, headers={"If-Match": '"1"'}, status=200)
        self.ask("PUT", path, {"name": "x"}, headers={"If-Match": '"1"'}, status=412)
        page = self.ask("GET", "/cloud/2/accounts?limit=1", status=200)
        self.assertEqual(page.json["items"][0]["name"], "acme & sons")
        self.assertEqual(self.ask("GET", page.next(), status=200).json["items"][0]["name"], "second")
        self.ask("GET", "/cloud/2/accounts?limit=x", status=400)
        for method in ("GET", "DELETE"):
            self.ask(method, "/cloud/2/accounts/" + "0" * 32, status=404)
        self.ask("PUT", "/cloud/2/accounts/" + "0" * 32, {}, status=404)
        key = self.service.key("second")
        for method, where in (("GET", "/cloud/2/accounts"), ("POST", "/cloud/2/accounts"), ("GET", path), ("PUT", path), ("DELETE", path),
                              ("GET", "/cloud/2/stats"), ("GET", "/cloud/2/database")):
            self.ask(method, where, {"name": "x"} if method in ("POST", "PUT") else None, key=key, status=403)

    def test_of_a_removed_account_nothing_is_left(self):
        account = self.service.account("to be removed")
        key = self.service.key(account, label="a label to look for")
        for _ in range(3):
            address = self.ask("POST", NEW, {"actions": "listen", "label": "a label to look for"}, key=key,
                               headers={"Idempotency-Key": "k%d" % time.monotonic_ns()}, status=201).json["address"]
        self.ask("DELETE", "/cloud/2/accounts/" + account, status=204)
        self.ask("GET", NEW, key=key, status=401)
        self.ask("GET", NEW + "/" + address, status=404)
        self.service.restart()
        for name in os.listdir(self.service.home + "/state"):
            if name.startswith("cloud.db"):
                with open(self.service.home + "/state/" + name, "rb") as f:
                    data = f.read()
                for what in (b"a label to look for", bytes.fromhex(account), b"to be removed"):
                    self.assertNotIn(what, data, name)

    def test_who_is_not_the_operator_is_refused_at_the_socket(self):
        if os.geteuid() != 0:
            self.skipTest("only root can be somebody else")
        child = ("import os, socket, sys; os.setgid(65533); os.setuid(65533); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
                 "s.sendall(b'GET /cloud/2/stats HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n'); "
                 "print(s.recv(65536).decode().split()[1])")
        def run():
            return subprocess.run([sys.executable, "-c", child, self.service.home + "/control"], capture_output=True, text=True)
        os.chmod(self.service.home, 0o755)
        self.assertIn("PermissionError", run().stderr)
        os.chmod(self.service.home + "/control", 0o666)
        self.assertEqual(run().stdout.strip(), "403")


class Once(Case):
    def test_the_same_request_is_answered_from_memory(self):
        account = self.service.account("once")
        key, other = self.service.key(account), self.service.key(account)
        field = {"Idempotency-Key": '"first"'}
        for path, body in ((NEW, {"actions": "listen"}), (OLD, {"allowedActions": "listen"}), ("/cloud/2/keys", {"scopes": ["address:read"]})):
            field = {"Idempotency-Key": "for " + path}
            first = self.ask("POST", path, body, key=key, headers=field, status=201)
            again = self.ask("POST", path, body, key=key, headers=field, status=201)
            self.assertEqual(first.body, again.body)
            self.assertNotIn("idempotency-replayed", first.headers)
            self.assertEqual(again.headers["idempotency-replayed"], "true")
            self.assertNotEqual(self.ask("POST", path, body, key=other, headers=field, status=201).body, first.body)
            self.ask("POST", path, {**body, "x": 1}, key=key, headers=field, status=400)
        self.ask("POST", NEW, {"actions": "connect"}, key=key, headers={"Idempotency-Key": "for " + NEW}, status=422)
        self.ask("POST", OLD, {"allowedActions": "connect"}, key=key, headers={"Idempotency-Key": "for " + OLD}, status=422)
        address = first and self.ask("GET", NEW, key=key).json["items"][0]["address"]
        for path in (NEW + "/" + address + "/password", OLD + "/" + address):
            field = {"Idempotency-Key": "reset " + path}
            self.assertEqual(self.ask("POST", path, key=key, headers=field, status=200).body,
                             self.ask("POST", path, key=key, headers=field, status=200).body)
        for bad in ("", '""', "a" * 129, 'a"b'):
            self.ask("POST", NEW, {"actions": "listen"}, key=key, headers={"Idempotency-Key": bad}, status=400)

    def test_also_after_a_restart_and_nobody_reads_it_from_the_database(self):
        key = self.tenant()
        field = {"Idempotency-Key": "kept"}
        first = self.ask("POST", NEW, {"actions": "listen"}, key=key, headers=field, status=201)
        operator = self.ask("POST", "/cloud/2/accounts", {"name": "by the operator"}, headers=field, status=201)
        self.assertEqual(self.ask("POST", "/cloud/2/accounts", {"name": "by the operator"}, headers=field, status=201).body, operator.body)
        self.service.restart(signal.SIGKILL)
        self.assertEqual(self.ask("POST", NEW, {"actions": "listen"}, key=key, headers=field, status=201).body, first.body)
        self.ask("POST", "/cloud/2/accounts", {"name": "by the operator"}, headers=field, status=409)  # he has no key to read it with
        for name in os.listdir(self.service.home + "/state"):
            if not name.startswith("cloud.db"):
                continue
            with open(self.service.home + "/state/" + name, "rb") as f:
                data = f.read()
            for secret in (first.json["password"], key[1]):
                self.assertNotIn(secret.encode(), data)
                self.assertNotIn(secret[-20:].encode(), data)

    def test_of_two_at_once_one_is_carried_out(self):
        key = self.tenant()
        answers = []

        def run():
            answers.append(self.service.ask("POST", NEW, {"actions": "listen"}, key=key, headers={"Idempotency-Key": "race"}))
            self.service.forget()
        threads = [threading.Thread(target=run) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual({a.status for a in answers}, {201})
        self.assertEqual(len({a.body for a in answers}), 1)
        self.assertEqual(len(self.ask("GET", NEW, key=key).json["items"]), 1)


class Limits(Case):
    arguments = ("--limit-api", "5/3600", "--limit-api-failure", "4/3600", "--limit-api-source", "40/3600")

    def test_who_asks_too_often_is_told_when_to_come_back(self):
        key = self.tenant()
        left = []
        for _ in range(5):
            a = self.ask("GET", NEW, key=key, status=200)
            self.assertEqual(a.headers["ratelimit-policy"], '"default";q=5;w=3600')
            left.append(int(re.match(r'"default";r=(\d+);t=\d+$', a.headers["ratelimit"]).group(1)))
        self.assertEqual(left, [4, 3, 2, 1, 0])
        a = self.ask("GET", NEW, key=key, status=429)
        self.assertGreater(int(a.headers["retry-after"]), 0)
        another = self.tenant()
        self.ask("GET", NEW, key=another, status=200)  # each key has its own
        for status in (401,) * 4 + (429,) * 2:
            self.ask("GET", NEW, key=("vck_x", "y"), status=status)
        self.ask("GET", NEW, key=another, status=429)  # and no key is tried from there any more
        while self.ask("GET", "/health/live", make=self.service.public).status == 200:
            pass
        self.ask("GET", "/cloud/2/stats", status=200)  # the operator is not held back


class Flood(Case):
    arguments = ("--limit-api-failure", "0", "--limit-api-source", "0")

    def test_refusals_neither_fill_the_record_nor_push_changes_out(self):
        account = self.service.account("pushed out?")
        for _ in range(300):
            self.ask("GET", NEW, key=("vck_x", "y"), status=401)
        with open(self.service.home + "/audit") as f:
            lines = [json.loads(line) for line in f]
        self.assertLessEqual(sum(i["event"] == "key.refused" for i in lines), 480)  # 240 in each of two minutes
        found, path = [], "/cloud/2/audit?limit=500"
        while path:
            page = self.ask("GET", path, status=200)
            found += page.json["items"]
            path = page.next()
        self.assertEqual([i["number"] for i in found], sorted(i["number"] for i in found))
        self.assertIn(account, [i.get("account") for i in found])
        self.assertLessEqual(sum(i["event"] == "key.refused" for i in found), 256)


class Wire(Case):
    def talk(self, data, make=None):
        """All that is answered until the service closes, or says nothing more for a while after the last answer."""
        s = (make or self.service.public)()
        s.sendall(data)
        got = b""
        try:
            while True:
                piece = s.recv(65536)
                if not piece:
                    break
                got += piece
        except ConnectionError:
            pass
        s.close()
        return got

    def test_what_could_be_read_in_two_ways_is_refused_and_ends_the_connection(self):
        hidden = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        head = b"POST /cloud/2/addresses HTTP/1.1\r\nHost: a\r\n"
        for status, request in (
                (b"400", head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                (b"400", head + b"Content-Length: 0\r\nContent-Length: 60\r\n\r\n"),
                (b"501", head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                (b"501", head + b"Transfer-Encoding: xchunked\r\n\r\n"),
                (b"400", head + b"Content-Length : 0\r\n\r\n"),
                (b"400", head + b"Content-Length: 0x10\r\n\r\n"),
                (b"400", head + b"X: a\r\n Content-Length: 60\r\n\r\n"),
                (b"400", head + b"X: a\nContent-Length: 60\r\n\r\n"),
                (b"400", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n"),
                (b"400", b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
                (b"400", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
                (b"505", b"GET / HTTP/1.0\r\n\r\n"),
                (b"431", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 17000 + b"\r\n\r\n"),
                (b"413", head + b"Content-Length: 65537\r\n\r\n"),
                (b"414", b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")):
            for make in (self.service.public, self.service.control):
                got = self.talk(request + hidden, make)
                self.assertEqual(got.split()[:2], [b"HTTP/1.1", status], request)
                self.assertEqual(got.count(b"HTTP/1.1 "), 1, request)  # what was hidden behind it is never answered
                self.assertIn(b"application/problem+json", got)

    def test_requests_that_come_at_once_are_answered_in_their_order(self):
        got = self.talk(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n" * 20 + b"HEAD /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
                        b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(re.findall(rb"HTTP/1.1 (\d+)", got), [b"200"] * 21 + [b"404"])
        self.assertEqual(got.count(b'{"status":"pass"}'), 20)

    def test_methods(self):
        key = self.tenant()
        a = self.ask("OPTIONS", OLD + "/" + NOBODY, key=key, status=204)
        self.assertEqual(a.headers["allow"], "OPTIONS, GET, HEAD, POST, PUT, DELETE")
        self.ask("OPTIONS", "/nothing", key=key, status=404)
        for method in ("TRACE", "PATCH", "PROPFIND", "get"):
            self.assertIn("allow", self.ask(method, NEW, key=key, status=405).headers)
        self.ask("PUT", NEW, {}, key=key, status=405)
        whole, head = self.ask("GET", NEW, key=key, status=200), self.ask("HEAD", NEW, key=key, status=200)
        self.assertEqual((head.body, head.headers["content-length"]), (b"", str(len(whole.body))))
        got = self.talk(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertTrue(got.startswith(b"HTTP/1.1 204"))

    def test_paths_that_go_up_or_hide_a_slash_are_not_there(self):
        key = self.tenant()
        for path in ("/cloud/2/../2/addresses", "/cloud//2/addresses", "/cloud/2/addresses/", "/cloud/2%2faddresses", "/cloud/2/%61ddresses%00",
                     "/cloud/2/addresses/..%2f..%2fkeys", "/cloud/1.1/static-address/VJ4MX", "/cloud/2/addresses/" + "A" * 300, "/Cloud/2/addresses"):
            self.ask("GET", path, key=key, status=404)
        self.ask("GET", "/cloud/2/%61ddresses", key=key, status=200)

    def test_answers_carry_what_protects_browsers_and_no_banner(self):
        key = self.tenant()
        for a in (self.ask("GET", NEW, key=key), self.ask("GET", "/nothing", key=key), self.ask("GET", "/health/live", make=self.service.public),
                  self.ask("GET", NEW, key=("a", "b"))):
            for name, value in (("x-content-type-options", "nosniff"), ("cache-control", "no-store"), ("referrer-policy", "no-referrer"),
                                ("strict-transport-security", "max-age=63072000; includeSubDomains"),
                                ("cross-origin-resource-policy", "same-origin"), ("cross-origin-opener-policy", "same-origin"),
                                ("cross-origin-embedder-policy", "require-corp")):
                self.assertEqual(a.headers[name], value)
            self.assertIn("default-src 'none'", a.headers["content-security-policy"])
            self.assertIn("frame-ancestors 'none'", a.headers["content-security-policy"])
            self.assertNotIn("server", a.headers)
            self.assertNotIn("access-control-allow-origin", a.headers)
            self.assertEqual(len(a.pairs), len(a.headers))
            self.assertNotRegex(str(a.pairs) + a.body.decode(), r"(?i)vnccloudd|0\.1\.0|sqlite")
        self.assertNotIn("strict-transport-security", self.ask("GET", "/health/live", status=200).headers)

    def test_who_waits_to_be_told_to_go_on_is_told(self):
        s = self.service.control()
        body = b'{"name":"continued"}'
        s.sendall(b"POST /cloud/2/accounts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body))
        got = b""
        while b"\r\n\r\n" not in got:
            got += s.recv(4096)
        self.assertEqual(got, b"HTTP/1.1 100 Continue\r\n\r\n")
        s.sendall(body)
        self.assertTrue(s.recv(4096).startswith(b"HTTP/1.1 201"))
        s.close()


class Numbers(Case):
    def test_metrics_are_what_prometheus_reads_and_name_nobody(self):
        account = self.service.account("a tenant to look for")
        key = self.service.key(account)
        address = self.ask("POST", NEW, {"actions": "listen"}, key=key, status=201).json["address"]
        self.ask("GET", NEW, key=("vck_x", "y"), status=401)
        for make in (self.service.control, self.service.metrics):
            text = self.ask("GET", "/metrics", make=make, status=200).body.decode()
            types, values = {}, {}
            for line in text.splitlines():
                if line.startswith("# TYPE "):
                    _, _, name, kind = line.split()
                    self.assertNotIn(name, types)
                    types[name] = kind
                elif not line.startswith("#"):
                    m = re.match(r'^([a-z_0-9]+)(\{[a-z]+="[a-z0-9_-]+"(?:,[a-z]+="[a-z0-9_-]+")*\})? (\d+)$', line)
                    self.assertTrue(m, line)
                    self.assertIn(m.group(1), types)
                    values[m.group(1) + (m.group(2) or "")] = int(m.group(3))
            self.assertGreaterEqual(values['vnccloudd_api_keys_total{result="accepted"}'], 1)
            self.assertGreaterEqual(values['vnccloudd_api_keys_total{result="refused"}'], 1)
            self.assertGreaterEqual(values["vnccloudd_changes_total"], 3)
            for secret in (account, key[0], key[0][4:], address, "look for", "127.0.0.1"):
                self.assertNotIn(secret, text)
        self.ask("GET", "/metrics", key=key, status=404)  # not public (ASVS 13.4.5)
        for path in (NEW, "/cloud/2/stats", "/cloud/2/accounts"):
            self.ask("GET", path, make=self.service.metrics, status=404)
        self.ask("GET", "/health", make=self.service.metrics, status=200)

    def test_stats_health_and_log(self):
        before = self.ask("GET", "/cloud/2/stats", status=200).json
        account = self.service.account("counted")
        key = self.service.key(account)
        self.ask("POST", NEW, {"actions": "listen"}, key=key, status=201)
        after = self.ask("GET", "/cloud/2/stats", status=200).json
        self.assertEqual([after[n] - before[n] for n in ("accounts", "addresses", "keys", "enrolled")], [1, 1, 1, 0])
        for make in (self.service.control, self.service.public, self.service.metrics):
            for path in ("/health", "/health/live", "/health/ready"):
                self.assertEqual(self.ask("GET", path, make=make, status=200).json, {"status": "pass"})
        copy = self.ask("GET", "/cloud/2/database", status=200)
        self.assertTrue(copy.body.startswith(b"SQLite format 3\0"))
        self.ask("GET", "/log/tile/0/nothing", make=self.service.public, status=404)

    def test_the_audit_has_each_change_and_verifies(self):
        name = 'evil", "event":"account.deleted'
        account = self.service.account(name)
        key = self.service.key(account, *cloud_api.SCOPES)
        address = self.ask("POST", NEW, {"actions": "listen", "label": "\\u000a{}"}, key=key, status=201).json["address"]
        self.ask("PUT", NEW + "/" + address, {"groups": ['"}\\n']}, key=key, status=200)
        self.ask("POST", OLD + "/" + address, key=key, status=200)
        self.ask("DELETE", NEW + "/" + address, key=key, status=204)
        lines = self.ask("GET", "/cloud/2/audit", key=key, status=200).json["items"]
        self.assertEqual([i["event"] for i in lines],
                         ["account.created", "key.created", "address.created", "address.updated", "address.reset", "address.deleted"])
        self.assertEqual({i["account"] for i in lines}, {account})
        self.assertEqual({i["actor"] for i in lines[2:]}, {"key " + key[0]})
        self.assertTrue(all(i["peer"].startswith("127.0.0.1:") for i in lines[2:]))
        page = self.ask("GET", "/cloud/2/audit?limit=4", key=key, status=200)
        rest = self.ask("GET", page.next(), key=key, status=200)
        self.assertEqual(page.json["items"] + rest.json["items"], lines)
        self.assertEqual(self.ask("GET", "/cloud/2/audit?after=%d" % rest.json["last"], key=key).json["items"], [])
        self.ask("GET", "/cloud/2/audit?after=x", key=key, status=400)
        self.service.restart()
        self.assertEqual(self.ask("GET", "/cloud/2/audit", key=key, status=200).json["items"], lines)
        path = self.service.home + "/audit"
        r = self.service.ctl("audit", "verify", path)
        self.assertEqual(r.returncode, 0, r.stdout)
        with open(path) as f:
            whole = f.read()
        for line in whole.splitlines():
            self.assertNotIn("password", json.loads(line).get("details", {}))
        for secret in (key[1], key[1][-30:]):
            self.assertNotIn(secret, whole)
        forged = self.service.home + "/forged"
        with open(forged, "w") as f:
            f.write(whole.replace("address.deleted", "address.updated", 1))
        self.assertEqual(self.service.ctl("audit", "verify", forged).returncode, 5)

    def test_changes_wait_while_they_cannot_be_recorded(self):
        service = Service()
        try:
            service.account("before")
            os.rename(service.home + "/audit", service.home + "/moved")
            os.mkdir(service.home + "/audit")
            service.account("is lost to the log, and the last that is")
            a = service.ask("POST", "/cloud/2/accounts", {"name": "refused"})
            self.assertEqual((a.status, a.json["type"]), (503, "urn:farhand:problem:not-recorded"))
            self.assertEqual(service.ask("GET", "/cloud/2/accounts").status, 200)
            self.assertEqual(service.ask("GET", "/health/ready").status, 503)
            self.assertEqual(service.ask("GET", "/health").status, 503)
            os.rmdir(service.home + "/audit")
            service.process.send_signal(signal.SIGHUP)
            service.wait_for("works again")
            self.assertEqual(service.ask("POST", "/cloud/2/accounts", {"name": "afterwards"}).status, 201)
            self.assertEqual(service.ask("GET", "/health/ready").status, 200)
            with open(service.home + "/audit") as f:
                self.assertIn("log-lost", f.read())
        finally:
            service.close()


class Disk(unittest.TestCase):
    def test_a_full_disk_refuses_changes_only(self):
        try:
            service = Service(tight=1 << 20)
        except AssertionError as e:
            if "unshare" in str(e) or "mount" in str(e):
                self.skipTest("no file system of one's own here")
            raise
        try:
            account = service.account("acme")
            key = service.key(account)
            address = service.ask("POST", NEW, {"actions": "listen"}, key=key).json["address"]
            state = "/proc/%d/root%s/state" % (service.process.pid, service.home)
            with open(state + "/filling", "wb", buffering=0) as f:
                try:
                    while True:
                        f.write(bytes(4096))
                except OSError:
                    pass
            statuses = [service.ask("POST", NEW, {"actions": "listen", "label": "x" * 255}, key=key).status for _ in range(60)]
            self.assertEqual(set(statuses) - {201}, {507})
            made = statuses.count(201) + 1
            self.assertEqual(len(service.ask("GET", NEW + "?limit=500", key=key).json["items"]), made)
            self.assertEqual(service.ask("GET", NEW + "/" + address, key=key).status, 200)
            self.assertEqual(service.ask("GET", "/health/ready").status, 503)
            self.assertEqual(service.ask("GET", "/health/live").status, 200)
            self.assertEqual(service.ask("GET", "/cloud/2/database").status, 507)
            self.assertEqual(service.ctl("health").returncode, 7)
            os.unlink(state + "/filling")
            self.assertEqual(service.ask("POST", NEW, {"actions": "listen"}, key=key).status, 201)
            self.assertEqual(len(service.ask("GET", NEW + "?limit=500", key=key).json["items"]), made + 1)
            self.assertEqual([n for n in os.listdir(state) if n.startswith("copy")], [])
        finally:
            service.close()

    def test_what_was_answered_survives_a_kill(self):
        service = Service("--limit-api", "0", "--limit-api-source", "0")
        try:
            key = service.key(service.account("acme"))
            made = []

            def run():
                try:
                    while True:
                        made.append(service.ask("POST", NEW, {"actions": "listen"}, key=key).json["address"])
                except Exception:  # whatever it is that a killed service leaves behind
                    service.forget()
            threads = [threading.Thread(target=run) for _ in range(4)]
            for t in threads:
                t.start()
            while len(made) < 40:
                time.sleep(0.01)
            service.end(signal.SIGKILL)
            for t in threads:
                t.join()
            service.start()
            found, path = set(), NEW + "?limit=500"
            while path:
                page = service.ask("GET", path, key=key)
                found |= {i["address"] for i in page.json["items"]}
                path = page.next()
            self.assertLessEqual(set(made), found)
            self.assertLessEqual(len(found), len(made) + 4)
            database = sqlite3.connect("file:%s/state/cloud.db?mode=ro" % service.home, uri=True)
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchone()[0], "ok")
            self.assertEqual(database.execute("PRAGMA foreign_key_check").fetchall(), [])
            self.assertEqual(database.execute("PRAGMA journal_mode").fetchone()[0], "wal")
            database.close()
            self.assertEqual(service.ctl("audit", "verify", service.home + "/audit").returncode, 0)
        finally:
            service.close()


class Ctl(Case):
    def ctl(self, *words, code=0, **more):
        r = self.service.ctl(*words, **more)
        self.assertEqual(r.returncode, code, (words, r.stdout, r.stderr))
        return r

    def test_a_walk(self):
        self.ctl("account", "add", "acme & sons", "--relay-kbit", "5k")
        self.assertEqual(self.ctl("account", "show", "acme & sons", json_lines=True).json[0]["relay_kbit"], 5000)
        self.ctl("account", "set", "acme & sons", "--name", "acme", "--address-limit", "100")
        self.assertIn("acme", self.ctl("account", "list").stdout)
        made = self.ctl("key", "add", "acme", "--scopes", "address:read,address:create", "--ttl", "30d", "--networks", "127.0.0.1,::1",
                        json_lines=True).json[0]
        key = (made["key"], made["secret"])
        self.ask("GET", NEW, key=key, status=200)
        self.assertIn(made["key"], self.ctl("key", "list", "acme").stdout)
        desk = self.ctl("address", "add", "acme", "--listen", "--groups", "a,b", "--allow-groups=support", "--label", "front desk", "--uses", "9",
                        json_lines=True).json[0]
        self.assertEqual((desk["groups"], desk["access"], desk["uses"]), (["a", "b"], {"groups": ["support"], "addresses": []}, 9))
        viewer = self.ctl("address", "add", "acme", "--connect", "--listen", json_lines=True).json[0]["address"]
        changed = self.ctl("address", "set", desk["address"], "--allow", viewer, "--ttl", "12h", "--uses", "any", json_lines=True).json[0]
        self.assertEqual((changed["access"], changed["uses"]), ({"groups": [], "addresses": [viewer]}, None))
        self.assertEqual(self.ctl("address", "set", desk["address"], "--allow-all", json_lines=True).json[0]["access"], None)
        self.assertNotEqual(self.ctl("address", "reset", desk["address"], json_lines=True).json[0]["password"], desk["password"])
        self.assertIn("label: front desk\n", self.ctl("address", "show", desk["address"].lower()).stdout)
        for words in (("address", "list"), ("address", "list", "acme")):
            self.assertIn(viewer, self.ctl(*words).stdout)
        self.assertEqual(self.ctl("online", json_lines=True).json, [])
        self.ctl("disconnect", viewer, code=4)
        self.assertIn("address.reset", self.ctl("audit", "list", "acme").stdout)
        self.assertEqual(self.ctl("stats", json_lines=True).json[0]["addresses"], 2)
        self.assertEqual(self.ctl("health").stdout, "good\n")
        self.assertIn("vnccloudd_changes_total", self.ctl("metrics").stdout)
        self.ctl("address", "remove", viewer)
        self.ctl("address", "remove", viewer, code=4)
        self.ctl("account", "disable", "acme")
        self.ask("GET", NEW, key=key, status=401)
        self.ctl("account", "enable", "acme")
        self.ctl("key", "remove", made["key"])
        copy = self.service.home + "/copy"
        self.ctl("backup", copy)
        self.assertEqual(os.stat(copy).st_mode & 0o777, 0o600)
        self.ctl("backup", copy, code=1)
        self.ctl("account", "remove", "acme", code=2)
        self.ctl("account", "remove", "acme", "--yes")
        self.ctl("address", "show", desk["address"], code=4)
        self.service.end()
        for name in ("cloud.db-wal", "cloud.db-shm"):
            if os.path.exists(self.service.home + "/state/" + name):
                os.unlink(self.service.home + "/state/" + name)
        shutil.copyfile(copy, self.service.home + "/state/cloud.db")  # a copy is a database to go on with
        self.service.start()
        self.assertEqual(self.ctl("address", "show", desk["address"], json_lines=True).json[0]["label"], "front desk")

    def test_all_pages_are_shown(self):
        self.ctl("account", "add", "large")
        for _ in range(103):
            self.ask("POST", NEW + "?account=large", {"actions": "connect"}, status=201)
        self.assertEqual(len(self.ctl("address", "list", "large", json_lines=True).json), 103)
        self.assertEqual(len(self.ctl("address", "list", "large").stdout.splitlines()), 104)

    def test_wrong_words_are_told(self):
        for words in ((), ("nonsense",), ("account",), ("account", "add"), ("account", "add", "x", "--nonsense"), ("account", "add", "x", "--relay-kbit"),
                      ("account", "add", "x", "--relay-kbit", "5x"), ("address", "add", "x"), ("address", "add", "x", "--listen=5"),
                      ("address", "set", "x", "--allow-all", "--allow", "y"), ("audit", "verify"), ("backup",), ("health", "x")):
            self.ctl(*words, code=2)
        self.ctl("account", "show", "nobody", code=4)
        self.ctl("address", "add", "nobody", "--listen", code=4)
        self.ctl("key", "add", "nobody", "--scopes", "x", code=4)
        self.ctl("account", "add", "a\nb", code=6)
        r = subprocess.run([cloud_api.CTL, "--socket", "/nonexistent/socket", "stats"], capture_output=True, text=True)
        self.assertEqual(r.returncode, 3)

    def test_the_page_names_each_command(self):
        with open(os.path.join(cloud_api.TOP, "daemons/vnccloudctl/vnccloudctl.1.scd")) as f:
            page = f.read()
        help_text = subprocess.run([cloud_api.CTL, "--help"], capture_output=True, text=True).stdout
        commands = re.findall(r"(?m)^  ([a-z].*?)(?:   .*)?$", help_text)
        self.assertGreater(len(commands), 10)
        for line in commands:
            for command in line.split(", "):
                words = re.match(r"[a-z ]*[a-z]", command).group(0)
                self.assertIn("*" + words + "*", page)

    def test_the_page_names_each_event_and_scope(self):
        with open(os.path.join(cloud_api.TOP, "daemons/vnccloudctl/vnccloudctl.1.scd")) as f:
            page = f.read()
        with open(os.path.join(cloud_api.TOP, "daemons/vnccloudd/src/changelog.h")) as f:
            events = re.findall(r'X\(\w+, "([a-z.]+)"', f.read())
        self.assertGreater(len(events), 10)
        for word in events + cloud_api.SCOPES:
            self.assertIn("*%s*" % word, page)

    def test_hostile_text_does_not_reach_the_terminal(self):
        self.ctl("account", "add", "terminal")
        self.ask("POST", NEW + "?account=terminal", {"actions": "listen", "label": "\u001b[2J"}, status=400)


class Zz_Document(unittest.TestCase):
    """Runs last: what the others have seen is what the document says."""

    def test_each_status_of_each_call_was_answered(self):
        missing = []
        for template, method, operation in operations():
            for status in operation["responses"]:
                if (template, method, status) == ("/cloud/2/presence/{address}", "DELETE", "204"):
                    continue  # with a client that is signed in: test_api_hooks.c
                if status != "default" and (template, method.lower(), status) not in cloud_api.seen:
                    missing.append("%s %s %s" % (method, template, status))
        self.assertEqual(missing, [], "\n".join(missing))

    def test_each_call_that_there_is_is_documented(self):
        with open(os.path.join(cloud_api.TOP, "daemons/vnccloudd/src/api.c")) as f:
            source = f.read()
        patterns = re.findall(r'\{"([a-z0-9./:*-]+)",\s*((?:\.(?:get|post|put|delete) = [^}]*?\)[,}\s]*)+)', source)
        self.assertGreater(len(patterns), 15)
        documented = {(re.sub(r"\{[a-z]+\}", "*", t)[1:], m.lower()) for t, m, _ in operations()}
        for pattern, methods in patterns:
            for verb in re.findall(r"\.(get|post|put|delete) =", methods):
                self.assertIn((re.sub(r":[a-z]+", "*", pattern), verb), documented)

    def test_it_is_a_document_of_openapi(self):
        self.assertEqual(SPEC["openapi"], "3.1.0")
        ids = [o["operationId"] for _, _, o in operations()]
        self.assertEqual(len(ids), len(set(ids)))

        def walk(node):
            if isinstance(node, dict):
                if "$ref" in node:
                    cloud_api.look_up(node["$ref"])
                for value in node.values():
                    walk(value)
            elif isinstance(node, list):
                for value in node:
                    walk(value)
        walk(SPEC)
        for name, schema in SPEC["components"]["schemas"].items():
            cloud_api.jsonschema.Draft202012Validator.check_schema(schema)
        for template, item in SPEC["paths"].items():
            for parameter in re.findall(r"\{([a-z]+)\}", template):
                names = [cloud_api.resolve(p)["name"] for p in item["parameters"]]
                self.assertIn(parameter, names)
        used = set(re.findall(r"#/components/[a-z]+/(\w+)", json.dumps(SPEC)))
        for kind in ("schemas", "parameters", "headers", "responses"):
            self.assertLessEqual(set(SPEC["components"][kind]), used, "not used")


if __name__ == "__main__":
    unittest.main()
