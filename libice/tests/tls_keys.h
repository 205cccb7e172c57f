/* SPDX-License-Identifier: MIT */
/*
 * tls_keys.h -- a server's key and certificate for "turn.test", and the certificate of somebody
 * else who calls himself that. Valid from 2020 to 2120; worth nothing.
 */
#ifndef FH_TEST_TLS_KEYS_H
#define FH_TEST_TLS_KEYS_H

static const char server_cert[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBQTCB6KADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCXR1cm4udGVz\n"
    "dDAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFDESMBAGA1UEAwwJ\n"
    "dHVybi50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEnUAXqOaIhOXZ+Ay3\n"
    "Xiqfp+mZK/QdhH1li9qqi9nBtx+08NoYHaxvZdPGrvjlsCu5sYvw6JKOH1Md58P/\n"
    "78pdIKMpMCcwFAYDVR0RBA0wC4IJdHVybi50ZXN0MA8GA1UdEwEB/wQFMAMBAf8w\n"
    "CgYIKoZIzj0EAwIDSAAwRQIhAOZeZggnhWMygkbjWmpsxpdcFuwbsljlpMITwS9e\n"
    "CLzaAiBGRVbsyjK1rB8m55lpnnZ/mxhwwfkVEVKexGiQ049TNw==\n"
    "-----END CERTIFICATE-----\n";

static const char server_key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIA0WRB68u0jlyucgPq+1H6bRKWlRA6VvD801fbv4keyLoAoGCCqGSM49\n"
    "AwEHoUQDQgAEnUAXqOaIhOXZ+Ay3Xiqfp+mZK/QdhH1li9qqi9nBtx+08NoYHaxv\n"
    "ZdPGrvjlsCu5sYvw6JKOH1Md58P/78pdIA==\n"
    "-----END EC PRIVATE KEY-----\n";

static const char other_cert[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBQTCB6KADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCXR1cm4udGVz\n"
    "dDAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFDESMBAGA1UEAwwJ\n"
    "dHVybi50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExNA2fmTqfuwU/ZkI\n"
    "Xdch0+O8bPjChDgB/nOwGSQ9RRMaU81aMmbkwY9gBZFYXHegqAsSU772hXKyiWof\n"
    "X/43yqMpMCcwFAYDVR0RBA0wC4IJdHVybi50ZXN0MA8GA1UdEwEB/wQFMAMBAf8w\n"
    "CgYIKoZIzj0EAwIDSAAwRQIgAYOJ3BpUljr60Bup1cshxvilfWzp9uGmIf3COG3/\n"
    "WI4CIQCsT4Uhu19jbev2Oc+xF8qvrd0WbA9qAl1QyST1JBNaZQ==\n"
    "-----END CERTIFICATE-----\n";

#endif
