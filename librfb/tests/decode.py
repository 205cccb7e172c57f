#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""decode.py FILE... -- decodes what `test_encoder --vectors` wrote, and compares every pixel.

Written from RFC 6143 (7.4, 7.7.1, 7.7.6) and rfbproto (Tight) alone, without looking at the C code,
so that an error would have to be made twice. What a pixel must be is computed here from its RGB.

Claims:
  - Raw, ZRLE and Tight are right in every pixel format of the files, 8, 16 and 32 bits, either
    byte order, true colour and colour map
  - the zlib streams go on over rectangles, formats and levels
  - each body is used to its last byte
  - each subencoding of ZRLE and each filter of Tight that the encoder has was met
"""
import sys
import zlib


class Bytes:
    """A cursor; reading past the end is an error."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError("the data ends early")
        self.at += n
        return self.data[self.at - n : self.at]

    def u8(self):
        return self.take(1)[0]

    def end(self):
        if self.at != len(self.data):
            raise ValueError("%d bytes are left over" % (len(self.data) - self.at))


class Format:
    def __init__(self, bpp, depth, big, true, rmax, gmax, bmax, rshift, gshift, bshift):
        self.size, self.order = bpp // 8, "big" if big else "little"
        if not true:  # the server's map: 3 bits red at 0, 3 green at 3, 2 blue at 6
            rmax, gmax, bmax, rshift, gshift, bshift = 7, 7, 3, 0, 3, 6
        self.max, self.shift = (rmax, gmax, bmax), (rshift, gshift, bshift)
        used = rmax << rshift | gmax << gshift | bmax << bshift
        self.small = None  # a CPIXEL of three bytes: how far its value is to be shifted
        if true and bpp == 32 and depth <= 24:
            if used < 1 << 24:
                self.small = 0
            elif used & 0xFF == 0:
                self.small = 8
        self.rgb = true and bpp == 32 and depth == 24 and self.max == (255, 255, 255)

    def value(self, rgb):
        """The value that a pixel must have."""
        v = 0
        for colour, top, shift in zip(rgb, self.max, self.shift):
            v |= (2 * colour * top + 255) // 510 << shift  # to the nearest
        return v

    def pixel(self, r):
        return int.from_bytes(r.take(self.size), self.order)

    def cpixel(self, r):
        if self.small is None:
            return self.pixel(r)
        return int.from_bytes(r.take(3), self.order) << self.small

    def tpixel(self, r):
        return self.value(tuple(r.take(3))) if self.rgb else self.pixel(r)


class Inflater:
    """One zlib stream; what each piece of it inflates to."""

    def __init__(self):
        self.z = zlib.decompressobj()

    def take(self, data):
        out = self.z.decompress(data)
        if self.z.unconsumed_tail or self.z.unused_data or self.z.eof:
            raise ValueError("the zlib stream ended")
        return Bytes(out)


def raw(state, fmt, w, h, body):
    return [fmt.pixel(body) for _ in range(w * h)]


def packed(r, w, h, bits, palette):
    out = []
    for _ in range(h):
        row = int.from_bytes(r.take((w * bits + 7) // 8), "big")
        total = (w * bits + 7) // 8 * 8
        for x in range(w):
            out.append(palette[row >> (total - bits * (x + 1)) & (1 << bits) - 1])
    return out


def run_length(r):
    n = 1
    while True:
        b = r.u8()
        n += b
        if b != 255:
            return n


def tile(fmt, w, h, r, seen):
    sub = r.u8()
    n = w * h
    if sub == 0:
        seen.add("raw")
        return [fmt.cpixel(r) for _ in range(n)]
    if sub == 1:
        seen.add("solid")
        return [fmt.cpixel(r)] * n
    out = []
    if sub <= 16:
        seen.add("packed %d" % (1 if sub == 2 else 2 if sub <= 4 else 4))
        palette = [fmt.cpixel(r) for _ in range(sub)]
        return packed(r, w, h, 1 if sub == 2 else 2 if sub <= 4 else 4, palette)
    if sub == 128:
        seen.add("plain rle")
        while len(out) < n:
            colour = fmt.cpixel(r)
            out += [colour] * run_length(r)
    elif sub >= 130:
        seen.add("palette rle")
        palette = [fmt.cpixel(r) for _ in range(sub - 128)]
        while len(out) < n:
            index = r.u8()
            out += [palette[index & 127]] * (run_length(r) if index & 128 else 1)
    else:
        raise ValueError("subencoding %d" % sub)
    if len(out) != n:
        raise ValueError("a run passes its tile")
    return out


def zrle(state, fmt, w, h, body):
    length = int.from_bytes(body.take(4), "big")
    r = state.setdefault("zrle", Inflater()).take(body.take(length))
    picture = [None] * (w * h)
    for ty in range(0, h, 64):
        for tx in range(0, w, 64):
            tw, th = min(64, w - tx), min(64, h - ty)
            px = tile(fmt, tw, th, r, state["seen"])
            for y in range(th):
                at = (ty + y) * w + tx
                picture[at : at + tw] = px[y * tw : (y + 1) * tw]
    r.end()
    return picture


def compact_length(r):
    n = 0
    for i in range(3):
        b = r.u8()
        n |= (b if i == 2 else b & 127) << 7 * i
        if b < 128:
            break
    return n


def tight(state, fmt, w, h, body):
    control = body.u8()
    for i in range(4):
        if control >> i & 1:
            state.pop(i, None)
    if control >> 4 == 8:
        state["seen"].add("fill")
        return [fmt.tpixel(body)] * (w * h)
    if control >> 4 > 7:
        raise ValueError("control 0x%02x" % control)
    name, palette, size = "copy", None, w * h * (3 if fmt.rgb else fmt.size)
    if control & 0x40 and (number := body.u8()) != 0:
        if number != 1:
            raise ValueError("filter %d" % number)
        palette = [fmt.tpixel(body) for _ in range(body.u8() + 1)]
        name = "mono" if len(palette) == 2 else "indexed"
        size = (w + 7) // 8 * h if len(palette) == 2 else w * h
    state["seen"].add(name)
    if size < 12:
        state["seen"].add("short")
        r = body
    else:
        r = state.setdefault(control >> 4 & 3, Inflater()).take(body.take(compact_length(body)))
    if name == "copy":
        out = [fmt.tpixel(r) for _ in range(w * h)]
    elif name == "mono":
        out = packed(r, w, h, 1, palette)
    else:
        out = [palette[b] for b in r.take(w * h)]
    if r is not body:
        r.end()
    return out


DECODERS = {0: raw, 7: tight, 16: zrle}
EXPECTED = {
    0: set(),
    7: {"fill", "copy", "mono", "indexed", "short"},
    16: {"raw", "solid", "packed 1", "packed 2", "packed 4", "plain rle", "palette rle"},
}


def check(path):
    with open(path, "rb") as f:
        data = Bytes(f.read())
    state, n = {"seen": set()}, 0
    while data.at < len(data.data):
        end = data.data.index(b"\n", data.at)
        enc, *rest = map(int, data.take(end + 1 - data.at).split())
        fmt, (w, h, length) = Format(*rest[:10]), rest[10:]
        body, rgb = Bytes(data.take(length)), data.take(w * h * 3)
        n += 1
        try:
            got = DECODERS[enc](state, fmt, w, h, body)
            body.end()
            for i, v in enumerate(got):
                want = fmt.value(rgb[3 * i : 3 * i + 3])
                if v != want:
                    raise ValueError("pixel %d is %x, not %x" % (i, v, want))
        except (ValueError, IndexError, zlib.error) as e:
            raise SystemExit("%s: rectangle %d, %dx%d, format %s: %s" % (path, n, w, h, rest[:10], e))
    if missing := EXPECTED[enc] - state["seen"]:
        raise SystemExit("%s: never met: %s" % (path, ", ".join(sorted(missing))))
    return n


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    print("%d rectangles are right" % sum(check(path) for path in sys.argv[1:]))


if __name__ == "__main__":
    main()
