/* SPDX-License-Identifier: MIT */
/* rsaaes_keys.h -- keys that tests and fuzz targets of RSA-AES use, and nothing else. */
#ifndef FH_TESTS_RSAAES_KEYS_H
#define FH_TESTS_RSAAES_KEYS_H

static const char rsaaes_key_of_server[] =
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

static const char rsaaes_key_of_client[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEpAIBAAKCAQEA4Wq386JLAE5fEQlAs2Ljgm75TvsZ0twdXjKWQEskE+UZxPUN\n"
    "vCRKKh+Z7BQWGbQ3CzZVAdn/UlGJzbzLODs4jdhDD2v6C+hCP6fu5l0kULXqs0In\n"
    "7TpGbNYrfJxZLXXBMIocjPSksvuLR5z06DY/G1i44zIn+HX0lhsbl+ChFVzBUTDs\n"
    "GHuYYzi6HK0tFv+0f7kO4SyO8lipy7bMidp9qC2wjp2oia2AIhvIlhBKxHVu99ET\n"
    "ddX5CshsRzdptptbDjEanIeOjnx2pbKxaWQNx21qP36napGcFjoYq0R9WcWqk8zl\n"
    "pcdydQvuIDcJCIck1EGtxwhCOnPD5vTXb4x6SQIDAQABAoIBAAumGu77eFJB+o40\n"
    "EvSiO90Z9IbFGarIprjfNt4INAtWJ8yCmGzcWDvQicEGMbUu17hb3K09kYD0x0EL\n"
    "TFoxz0SfRCnoG9IhNMk62bDsZ8vG9uPAG7WZ8Rk/QRyNrNsZTnw+aubK3rcEIki3\n"
    "Xv2gDgdRAK73ANNJbzQRnw2sdU6X9WrfZotjo3NS54AMWCc2lRwQ06uns8N71Mq2\n"
    "YqD6K56it7w7MwQsXLs7+9xg3WZPNgBUFkbVSfSLWYqERdJXUyMTJy0CxfTNrbUw\n"
    "5ICxey1sVE1dqq9b9X5j7MikunygMBoXiPugRDkXDsnxS1RLX0XtYCRq5L4DiniI\n"
    "MA9Q9P0CgYEA+HfTB7fD9DdVF101nvcRowt5+af4/4H3WONcPBIRtB6yRhAt9fob\n"
    "PwKXHPOqKduUxcKi/7Vjz6BduUa6/T5AUioJwWNpI1ypZE1NLe4H1CKnUzL3Srgb\n"
    "q1BZZtp2O6UaPRNrIM+f9LpzXDuanogzvpQ0cLTbgWvSdf3xBkvzO2UCgYEA6EAC\n"
    "1TghnB/EqF0s+MHSt+1Od1uamAXs2dB5JuZZFChhvpcVSypF0pE+eqnO98uPSP/O\n"
    "xVDL5sv/ZQX689dD2XxeDkiPyQ0UBTi8drhEXikEBJct/ldw5/WZZrtk7tCa+FFf\n"
    "0RuGnKylxO8rEbJegX8GVfll3gKh8rAkLk1D/xUCgYA2Wf/PsGMtCO2ULs+L9n/l\n"
    "Kp2D/zp4qfVxfEqw2UMGI7Dboq5rIErVfbuQmbyfa2kf2XPOe99Zi7r0zIQa4YMw\n"
    "dgGsTBKzqZFkX4SCh48u2GXBzWRK8/sZfnoQBbnXUkZrFdRZWRGkdyTFCETKaQDo\n"
    "r4LJJMbfiLaBGQugVPzgAQKBgQC7lJe1JrTeqDnp0fe0ordSnnQ1quLdzktSUTLI\n"
    "3FsuEL+Bc/1azDXAsFbKM8RaFysPRqz2aR+GtVT9fysFLuQ6EFzXJHwdYla9MOnm\n"
    "6UUu1+nK21/mgTFL5+2SL+CBkjLYRMEi3xyGBluNB669iFcUOEghwGEqQu4SWXmf\n"
    "fABjUQKBgQDCHqei3MBP37k1/UGTw8ZTkwmbQswB0i8ofoAyPlUBL64LluEi94PN\n"
    "oeZenhKtle5GEKzgTdg+C0+VEBLI4Yfzl37y/9bNkKV8INVsb4gAI3G5iYHc20mw\n"
    "dPrfHp/zNPEL5eFk53xWG8e0kwar/eoD3G8w75PKSLpGB9mVcIu7tQ==\n"
    "-----END RSA PRIVATE KEY-----\n";

#endif
