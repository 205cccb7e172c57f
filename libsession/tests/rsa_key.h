/* SPDX-License-Identifier: MIT */
/* rsa_key.h -- a key of RSA-AES that tests use, and nothing else. */
#ifndef FH_SESSION_TEST_RSA_KEY_H
#define FH_SESSION_TEST_RSA_KEY_H

static const char rsa_key_pem[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEowIBAAKCAQEAiimKpkIcXVsbtmAyb+GVG9ZUpRCvl03ojFrgmuIe6SFib63W\n"
    "C0G53apXFWKMwQDVgIY9jC1h6t2g2elewWHVTBB18kJAKMWF6Of73QL1iK5a/vTd\n"
    "twq57RdxoKCPam1nioKV8uDsFE9lMpKjETsR+RulOdmeSjE7NbmkvPGy8GyMxs7c\n"
    "NWpNyUdWeLThf4kpWkswuS1oFxeleXnIDBlHfYRG+IUuVHVXJhux3IkJ/hRB/UIr\n"
    "/cdHIcOV7f27lpg7374jBtExH4R36beCkkTF+1fQZQgLYWvyaCLg5d0JfTSX2ppT\n"
    "ldAfsNmNGKcyxzuRTpWgzcmxT+FaQLunQIQZkwIDAQABAoIBABNzhcb3x8aHl9SK\n"
    "oTnfKH74IzKaBsk7zrbz6cCPKorn3alGGrxlpHqbYLyXWKRThGYegCEcF+JZEYGc\n"
    "ZBrAYKc01Lt8AvcP1//SU+3pshJsJE4razY57F3Uzx/Y0Fggzv2mejXs30/SCGKh\n"
    "AmmKnMfVfI2Idcs8OHnNM8Q7basraDHaiTFQo+nRYdb8LjAXQySNRcz4r1XO3S1o\n"
    "hQ58p8hdeggII05llR0kj6g4ntxf2PH4cH4mXN1INaQY7+SxH3omI9a9eDJAnbtC\n"
    "HO/HqauPuTWnk8Vav5gdqA/NO9pyLttPzpl36g38OQ38LdJRXtXoDNKeshx54W8O\n"
    "j9hyhAECgYEAvBPr5eg0HlD1i2KpBhB6Vgi7h2NssalUkumVe4D6UU0MEpFg4/Hv\n"
    "etaqQk6RPofVBXAZVatx6FthwTQJXuromj5NK3bQc2HMtryP7LC3tHF1ebX7lekG\n"
    "uEZGRAxdRK+TFx9mDEFfp4t1ZTp7ham0opfHpg96EnwJedM9j2+hGQMCgYEAvA7a\n"
    "OI/47Qi++QXS4/jSNpRJh3XB/7gYqxTptKw4Y0HI7v8zqVpJF7iuo5Vu3h3K7VVV\n"
    "dTbEfb+6+tvhdUzz4YozdujAslrF0BaqnRRT1dCBIiaXl3EvhatCtjljoDAXCMqh\n"
    "gavcZQqUyvN7Z3W+ZE1BB54HRsRqukwyp8A/cDECgYEAuHWBY1c95o3YhQAabgwz\n"
    "L7YY1kw5CnXcsMnPBfYViy9Zq8xRjr519bAcBDQyV3W5A0BSWKdxbEZTtb1ng2Q5\n"
    "BS4dWYeKId/Fe2OsdKNNSPgOE3TcbsbBBHJH7+2AfCEGziLJXzOusRAh70pQY2Nx\n"
    "+hWKhd+gBgkI8iavtcHx6ikCgYAwSmwVDDtyusU3cxxleBaa91cuVrnbba2/+N3O\n"
    "jE7qhhEP9i6Q9WNBmSYXUZ8noGTkrv4D3G12kQ51rpLlqT4TE4cFqN0ar56OQdPM\n"
    "BFVG2YTffSN+Ow1l+MVnv7Lqho7TrhztDHHK7H2q4/0zYxPh88iYKSdbL8LsVfbI\n"
    "BuEDcQKBgFXiyTmgajRAYuuZV28XiKsHxC7Zgu2TPRlo4tHe/zQ2Z/PWR5wgfQ/k\n"
    "uS+5/wxBu6VhzVP0bgpWNLcBNnCVbRcx6zv03CODpTFS2l8DZBVDVYxE2UwxTh+f\n"
    "nXUv4gZjQos7M4TpnudJiBBP4ot6Z9snJ9zPLI4z9CfW6JPbT1ER\n"
    "-----END RSA PRIVATE KEY-----\n";

#endif
