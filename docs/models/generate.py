#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""generate.py DIR -- writes the ProVerif models of the handshake, 01 to 08, into DIR.

Each is fsc1_core.pvt with its @MARKERS@ filled in: who knows what from the start, what leaks, what is asked.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CORE = open(os.path.join(HERE, "fsc1_core.pvt"), encoding="ascii").read()
DEFAULTS = {
    "QUERIES": "", "CPARM": "dummy: bitstring", "SPARM": "dummy: bitstring",
    "CKC": "in(c, kc: bitstring);", "SKC": "in(c, kc: bitstring);", "CLEAK": "", "SLEAK": "", "SCHECK": "",
    "CDATA": "out(c, aenc(dataC, kc2s)); in(c, z: bitstring); let zz = adec(z, ks2c) in 0.",
    "SDATA": "in(c, z: bitstring); let zz = adec(z, kc2s) in out(c, aenc(dataS, ks2c)).",
}
TRUSTING = {"SPARM": "trustC: pkey", "SCHECK": "if pkC = trustC then"}
SILENT = {"CDATA": "0.", "SDATA": "0."}
VARIABLES = "query a: pkey, b: pkey, o: bitstring, ch: bitstring, t: hash, k: key;"
# Who accepted the other agrees with him, once for each run, on names, offer, choice, transcript (and key).
CLIENT_AGREES = f"{VARIABLES}\n  inj-event(CAccept(a, b, o, ch, t, k)) && event(HonestS(b)) ==> inj-event(SRun(b, o, ch, t)).\n"
SERVER_AGREES = f"{VARIABLES}\n  inj-event(SAccept(a, b, o, ch, t, k)) && event(HonestC(a)) ==> inj-event(CRun(a, b, o, ch, t, k)).\n"
KEYS = "  new skC: skey; new skS: skey;\n"
LATER = " | (phase 1; out(c, skC); out(c, skS)) )\n"


def model(name, process, queries="", **markers):
    text = CORE
    for marker, value in {**DEFAULTS, "QUERIES": queries, **markers}.items():
        text = text.replace(f"@{marker}@", value)
    text = text.replace("CAccept(pk(skC), pkS, offer, chosen, th4, kshs)", "CAccept(pk(skC), pkS, offer, chosen, th1, kshs)")
    with open(os.path.join(sys.argv[1], name + ".pv"), "w", encoding="ascii") as f:
        f.write(text + "\nprocess\n" + process)


def main():
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
        sys.exit("usage: generate.py DIR")
    # A malicious broker; forward secrecy; the last two say that both ends can be reached at all, and must be false.
    model("01_core", KEYS + "  out(c, pk(skC)); out(c, pk(skS));\n"
          "  ( (!Client(skC, pk(skS), l_exp)) | (!Server(skS, pk(skC)))" + LATER,
          "query attacker(dataC) phase 0. query attacker(dataS) phase 0.\n"
          "query attacker(dataC) phase 1. query attacker(dataS) phase 1.\n"
          f"{VARIABLES} event(SAccept(a,b,o,ch,t,k)).\n{VARIABLES} event(CAccept(a,b,o,ch,t,k)).\n", **TRUSTING)
    # Authentication both ways, with a dishonest client and a dishonest server enrolled.
    model("02_auth", KEYS + "  new skE: skey;\n  out(c, pk(skC)); out(c, pk(skS)); out(c, skE);\n"
          "  ( (!Client(skC, pk(skS), l_exp)) | (!Client(skC, pk(skE), l_exp)) | (!Server(skS, l_exp))\n"
          "  | (!(in(c,=skE); event HonestS(pk(skS)); event HonestC(pk(skC)))) )\n",
          "event HonestS(pkey). event HonestC(pkey).\n" + CLIENT_AGREES + SERVER_AGREES, **SILENT)
    # Key compromise impersonation: the attacker has the client's own key, then the server's own.
    model("03_kci_client", KEYS + "  out(c, skC); out(c, pk(skS));\n"
          "  ( (!Client(skC, pk(skS), l_exp)) | (!Server(skS, l_exp)) | (!(in(c,=skC); event HonestS(pk(skS)))) )\n",
          "event HonestS(pkey).\n" + CLIENT_AGREES + "query attacker(dataC).\n", SDATA="0.")
    model("04_kci_server", KEYS + "  out(c, pk(skC)); out(c, skS);\n"
          "  ( (!Client(skC, pk(skS), l_exp)) | (!Server(skS, l_exp)) | (!(in(c,=skS); event HonestC(pk(skC)))) )\n",
          "event HonestC(pkey).\n" + SERVER_AGREES, **SILENT)
    # Every exponent of Diffie-Hellman leaks, the KEM holds.
    model("05_dh_broken_kem_holds", KEYS + "  out(c, pk(skC)); out(c, pk(skS));\n"
          "  ( (!Client(skC, pk(skS), l_exp)) | (!Server(skS, pk(skC)))" + LATER,
          "query attacker(dataC) phase 1. query attacker(dataS) phase 1.\n",
          CLEAK="out(c, x);", SLEAK="out(c, y);", **TRUSTING)
    # The KEM as well; the cloud's share is honest and secret.
    model("06_dh_kem_broken_cloud_holds", KEYS + "  new kc0: bitstring;\n  out(c, pk(skC)); out(c, pk(skS));\n"
          "  ( (!Client(skC, pk(skS), kc0)) | (!Server(skS, (pk(skC), kc0)))" + LATER,
          "query attacker(dataC) phase 1. query attacker(dataS) phase 1.\n",
          CLEAK="out(c, (x, xk));", SLEAK="out(c, (y, coins));", CPARM="kc: bitstring", CKC="", SPARM="par: bitstring",
          SKC="let (trustC: pkey, kc: bitstring) = par in", SCHECK="if pkC = trustC then")
    # The control: all three are broken, so the attacker must learn the data.
    model("07_control_all_broken", KEYS + "  out(c, pk(skC)); out(c, pk(skS));\n"
          "  ( (!Client(skC, pk(skS), l_exp)) | (!Server(skS, pk(skC))) )\n", "query attacker(dataC).\n",
          CLEAK="out(c, (x, xk));", SLEAK="out(c, (y, coins));", **TRUSTING)
    # Which client it is stays hidden from an active attacker: two worlds that he cannot tell apart.
    model("08_id_hiding_client", "  new skC1: skey; new skC2: skey; new skS: skey;\n"
          "  out(c, pk(skC1)); out(c, pk(skC2)); out(c, pk(skS));\n"
          "  ( (!Client(choice[skC1, skC2], pk(skS), l_exp)) | (!Server(skS, l_exp)) )\n", **SILENT)


main()
