#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cpace.py -- CPace over ristretto255, a second time: from RFC 9496 and draft-irtf-cfrg-cpace-21, in plain Python.

    run = cpace.Run("viewer", password_key, server_fingerprint, viewer_fingerprint, binding)
    run.point                     to be sent
    ours, theirs = run.tags(point)

Slow and not constant in time: for tests only. Run as a program it checks itself against the draft's vectors.
"""
import ctypes
import hashlib
import hmac
import os
import sys

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def is_negative(x):
    return x % P & 1


def magnitude(x):
    x %= P
    return P - x if x & 1 else x


def sqrt_ratio(u, v):
    """(is u/v a square, the root of it or of SQRT_M1 times it); RFC 9496, 4.2."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    correct, flipped, flipped_i = check == u % P, check == -u % P, check == -u * SQRT_M1 % P
    if flipped or flipped_i:
        r = r * SQRT_M1 % P
    return correct or flipped, magnitude(r)


INVSQRT_A_MINUS_D = sqrt_ratio(1, -1 - D)[1]
SQRT_AD_MINUS_ONE = P - sqrt_ratio(-D - 1, 1)[1]
# RFC 9496, 4.1, gives the root that is odd.
assert SQRT_AD_MINUS_ONE == 25063068953384623474111414158702152701244531502492656460079210482610430750235

NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    """Extended coordinates of the Edwards curve with a = -1."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    out = NEUTRAL
    while scalar:
        if scalar & 1:
            out = add(out, point)
        point = add(point, point)
        scalar >>= 1
    return out


def decode(data):
    """None: no point."""
    s = int.from_bytes(data, "little")
    if len(data) != 32 or s >= P or is_negative(s):
        return None
    ss = s * s % P
    u1, u2 = 1 - ss, 1 + ss
    v = (-(D * u1 * u1) - u2 * u2) % P
    square, inverse = sqrt_ratio(1, v * u2 * u2)
    den_x = inverse * u2 % P
    den_y = inverse * den_x * v % P
    x, y = magnitude(2 * s * den_x), u1 * den_y % P
    t = x * y % P
    return None if not square or is_negative(t) or y == 0 else (x, y, 1, t)


def encode(point):
    x0, y0, z0, t0 = point
    u1, u2 = (z0 + y0) * (z0 - y0) % P, x0 * y0 % P
    inverse = sqrt_ratio(1, u1 * u2 * u2)[1]
    den1, den2 = inverse * u1 % P, inverse * u2 % P
    z_inverse = den1 * den2 * t0 % P
    if is_negative(t0 * z_inverse):
        x, y, den = y0 * SQRT_M1 % P, x0 * SQRT_M1 % P, den1 * INVSQRT_A_MINUS_D % P
    else:
        x, y, den = x0, y0, den2
    if is_negative(x * z_inverse):
        y = -y
    return magnitude(den * (z0 - y)).to_bytes(32, "little")


def one_way_map(data):
    """64 bytes to a point; RFC 9496, 4.3.4."""
    def half(part):
        t = int.from_bytes(part, "little") & (2**255 - 1)
        r = SQRT_M1 * t * t % P
        u = (r + 1) * (1 - D * D) % P
        v = (-1 - r * D) * (r + D) % P
        square, s = sqrt_ratio(u, v)
        c = -1
        if not square:
            s, c = P - magnitude(s * t), r
        n = (c * (r - 1) * (D - 1) * (D - 1) - v) % P
        w0, w1, w2, w3 = 2 * s * v, n * SQRT_AD_MINUS_ONE, 1 - s * s, 1 + s * s
        return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P
    return add(half(data[:32]), half(data[32:]))


def lv_cat(*parts):
    assert all(len(part) < 128 for part in parts)
    return b"".join(bytes([len(part)]) + part for part in parts)


DSI = b"CPaceRistretto255"


def generator(prs, ci, sid):
    used = len(lv_cat(DSI, prs)) + 1
    return one_way_map(hashlib.sha512(lv_cat(DSI, prs, bytes(max(0, 128 - used)), ci, sid)).digest())


def session_key(sid, k, ya, ada, yb, adb):
    return hashlib.sha512(lv_cat(DSI + b"_ISK", sid, k) + lv_cat(ya, ada) + lv_cat(yb, adb)).digest()


def password_key(password, passes, memory_kib, salt):
    """argon2id of a password; the only thing here that is libsodium's."""
    sodium, out = ctypes.CDLL("libsodium.so.23"), ctypes.create_string_buffer(32)
    if sodium.crypto_pwhash(out, ctypes.c_ulonglong(32), password, ctypes.c_ulonglong(len(password)), salt,
                            ctypes.c_ulonglong(passes), ctypes.c_size_t(memory_kib * 1024), 2) != 0:
        raise MemoryError("argon2id")
    return out.raw


class Run:
    """One side, "viewer" or "server"; as docs/protocol.md, "Authentication", has it."""

    def __init__(self, role, key, server, viewer, binding):
        self.role, self.sid = role, binding
        self.scalar = int.from_bytes(os.urandom(64), "little") % ORDER
        self.point = encode(multiply(self.scalar, generator(key, b"FSC1 cpace\0" + server + viewer, binding)))

    def tags(self, peer):
        """(ours, theirs); ValueError: no point that may be used."""
        point = decode(peer)
        if point is None or peer == bytes(32):
            raise ValueError("not a point")
        k = encode(multiply(self.scalar, point))
        ya, yb = (self.point, peer) if self.role == "viewer" else (peer, self.point)
        isk = session_key(self.sid, k, ya, b"viewer", yb, b"server")
        mac = hashlib.sha512(b"CPaceMac" + self.sid + isk).digest()
        ta = hmac.new(mac, lv_cat(ya, b"viewer"), "sha512").digest()
        tb = hmac.new(mac, lv_cat(yb, b"server"), "sha512").digest()
        return (ta, tb) if self.role == "viewer" else (tb, ta)


def check_vectors():
    """draft-irtf-cfrg-cpace-21, B.3."""
    sid = bytes.fromhex("7e4b4791d6a8ef019b936c79fb7f2c57")
    g = generator(b"Password", b"\x0bA_initiator\x0bB_responder", sid)
    assert encode(g).hex() == "222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56"
    a = bytes.fromhex("da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08")
    b = bytes.fromhex("d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d")
    ya = encode(multiply(int.from_bytes(a, "little"), g))
    yb = encode(multiply(int.from_bytes(b, "little"), g))
    assert ya.hex() == "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157"
    assert yb.hex() == "3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258"
    k = encode(multiply(int.from_bytes(a, "little"), decode(yb)))
    assert k.hex() == "80b69a8a76457ab6a4d7f887a4bf6b55a2f80ac19c333f917a05fc9887c8b40f"
    assert session_key(sid, k, ya, b"ADa", yb, b"ADb").hex() == (
        "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd"
        "2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447")
    assert decode(bytes.fromhex("2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c")) is None


if __name__ == "__main__":
    check_vectors()
    print("the draft's vectors hold")
    sys.exit(0)
