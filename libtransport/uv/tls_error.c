/* SPDX-License-Identifier: MIT */
#include "tls_internal.h" /* before any other of mbedTLS */

#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/cipher.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>

enum { ALERT_NO_CERT = 41 };

/* mbedTLS adds the code of the module above, a multiple of 128, to that of the one below. */
static bool is_out_of_memory(int ret)
{
    int low = -(-ret & 0x7f), high = ret - low;

    switch (high) {
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_X509_ALLOC_FAILED:
    case MBEDTLS_ERR_ECP_ALLOC_FAILED:
    case MBEDTLS_ERR_PK_ALLOC_FAILED:
    case MBEDTLS_ERR_CIPHER_ALLOC_FAILED:
    case MBEDTLS_ERR_MD_ALLOC_FAILED:
        return true;
    default:
        return low == MBEDTLS_ERR_MPI_ALLOC_FAILED || low == MBEDTLS_ERR_ASN1_ALLOC_FAILED;
    }
}

/* RFC 5246 7.2.2: what the peer says is wrong with us, or with what it got. */
static const char *alert_text(uint8_t alert)
{
    switch (alert) {
    case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE:
        return "the peer has no algorithm in common with us";
    case ALERT_NO_CERT:
    case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
    case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT:
    case MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED:
    case MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN:
        return "the peer does not accept our certificate";
    case MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED:
        return "to the peer our certificate has expired";
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
        return "the peer does not trust the root of our certificate";
    case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION:
        return "the peer has no version of TLS in common with us";
    case MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL:
        return "the peer speaks none of our protocols";
    default:
        return "the peer broke off the handshake with an alert";
    }
}

/* In version 2.28 and 3 the record that was read last still stands there. */
static const char *alert_of(const struct fh__tls *t)
{
    return t->ssl.in_buf && t->ssl.in_msglen == 2 ? alert_text(t->ssl.in_msg[1]) : alert_text(0);
}

int fh__tls_error(const struct fh__tls *t, int ret, const char **text)
{
    *text = "the peer broke the protocol";
    if (t->send_error) {
        *text = fh_transport_strerror(t->send_error);
        return t->send_error;
    }
    if (t->refusal) {
        *text = t->refusal;
        return FH_TRANSPORT_E_IDENTITY;
    }
    if (is_out_of_memory(ret)) {
        *text = fh_transport_strerror(FH_TRANSPORT_E_RESOURCES);
        return FH_TRANSPORT_E_RESOURCES;
    }
    switch (ret) {
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        *text = alert_of(t);
        break;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
    case MBEDTLS_ERR_SSL_CONN_EOF:
        *text = "the peer ended it in the midst of the handshake";
        return FH_TRANSPORT_E_RESET;
#if MBEDTLS_VERSION_MAJOR < 3
    case MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN:
#else
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
#endif
        *text = "the peer has no algorithm in common with us";
        break;
#if MBEDTLS_VERSION_MAJOR < 3
    case MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION:
#else
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
#endif
        *text = "the peer has no version of TLS in common with us";
        break;
    default:
        break;
    }
    return FH_TRANSPORT_E_PROTO;
}
