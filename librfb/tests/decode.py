#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""decode.py FILE... -- decodes what `test_encoder --vectors` wrote, and compares every pixel.

Written from RFC 6143 (7.4, 7.7) and rfbproto (Zlib, Tight, TightPNG) alone, without looking at the
C code, so that an error would have to be made twice. What a pixel must be is computed here from its
RGB.

Claims:
  - Raw, RRE, Hextile, Zlib, Tight, TightPNG, TRLE and ZRLE are right in every pixel format of the files, 8, 16 and 32 bits, either
    byte order, true colour and colour map
  - the zlib streams go on over rectangles, formats and levels
  - each body is used to its last byte
  - each subencoding of ZRLE, TRLE and Hextile, and each filter of Tight that the encoder has was met
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


def rre(state, fmt, w, h, body):
    count = int.from_bytes(body.take(4), "big")
    picture = [fmt.pixel(body)] * (w * h)
    for _ in range(count):
        colour = fmt.pixel(body)
        x, y, sw, sh = (int.from_bytes(body.take(2), "big") for _ in range(4))
        if x + sw > w or y + sh > h or not sw or not sh:
            raise ValueError("a subrectangle outside")
        for row in range(y, y + sh):
            picture[row * w + x : row * w + x + sw] = [colour] * sw
    return picture


def hextile_tile(fmt, tw, th, body, colours, seen):
    flags = body.u8()
    if flags & 1:
        seen.add("raw")
        colours.clear()
        return [fmt.pixel(body) for _ in range(tw * th)]
    if flags > 31:
        raise ValueError("flags 0x%02x" % flags)
    for bit, name in (2, "back"), (4, "fore"):
        if flags & bit:
            colours[name] = fmt.pixel(body)
    out = [colours["back"]] * (tw * th)
    if not flags & 8:
        seen.add("solid")
        return out
    if flags & 16:
        colours.pop("fore", None)
    seen.add("coloured" if flags & 16 else "two colours")
    for _ in range(body.u8()):
        colour = fmt.pixel(body) if flags & 16 else colours["fore"]
        at, size = body.u8(), body.u8()
        x, y, sw, sh = at >> 4, at & 15, (size >> 4) + 1, (size & 15) + 1
        if x + sw > tw or y + sh > th:
            raise ValueError("a subrectangle outside")
        for row in range(y, y + sh):
            out[row * tw + x : row * tw + x + sw] = [colour] * sw
    return out


def in_tiles(w, h, side, one):
    picture = [None] * (w * h)
    for ty in range(0, h, side):
        for tx in range(0, w, side):
            tw, th = min(side, w - tx), min(side, h - ty)
            px = one(tw, th)
            for y in range(th):
                at = (ty + y) * w + tx
                picture[at : at + tw] = px[y * tw : (y + 1) * tw]
    return picture


def hextile(state, fmt, w, h, body):
    colours = {}
    return in_tiles(w, h, 16, lambda tw, th: hextile_tile(fmt, tw, th, body, colours, state["seen"]))


def zlib_(state, fmt, w, h, body):
    length = int.from_bytes(body.take(4), "big")
    r = state.setdefault("zlib", Inflater()).take(body.take(length))
    out = raw(state, fmt, w, h, r)
    r.end()
    return out


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


def tile(fmt, w, h, r, seen, last=None):
    """last: the palette of the tile before, in TRLE."""
    sub = r.u8()
    n = w * h
    if sub == 0:
        seen.add("raw")
        return [fmt.cpixel(r) for _ in range(n)]
    if sub == 1:
        seen.add("solid")
        return [fmt.cpixel(r)] * n
    out = []
    if sub == 127 and last:
        seen.add("packed again")
        n = len(last)
        return packed(r, w, h, 1 if n == 2 else 2 if n <= 4 else 4, last)
    if sub <= 16:
        seen.add("packed %d" % (1 if sub == 2 else 2 if sub <= 4 else 4))
        palette = [fmt.cpixel(r) for _ in range(sub)]
        if last is not None:
            last[:] = palette
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
    picture = in_tiles(w, h, 64, lambda tw, th: tile(fmt, tw, th, r, state["seen"]))
    r.end()
    return picture


def trle(state, fmt, w, h, body):
    last = []
    return in_tiles(w, h, 16, lambda tw, th: tile(fmt, tw, th, body, state["seen"], last))


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


def png(r, w, h, seen):
    """The colours of a PNG's pixels, of those types and filters that the encoder makes."""
    if r.take(8) != b"\x89PNG\r\n\x1a\n":
        raise ValueError("no PNG")
    chunks = {}
    while r.at != len(r.data):
        length = int.from_bytes(r.take(4), "big")
        name, data, crc = r.take(4), r.take(length), r.take(4)
        if zlib.crc32(name + data) != int.from_bytes(crc, "big") or name in chunks:
            raise ValueError("chunk %s" % name)
        chunks[name] = data
    head = chunks[b"IHDR"]
    if head[:8] != w.to_bytes(4, "big") + h.to_bytes(4, "big") or head[10:] != b"\0\0\0":
        raise ValueError("head %s" % head)
    depth, kind = head[8:10]
    rows = Bytes(zlib.decompress(chunks[b"IDAT"]))
    seen.add("colours" if kind == 2 else "indices of %d" % depth)
    out = []
    for _ in range(h):
        filter_ = rows.u8()
        if kind == 3 and filter_ == 0:
            palette = chunks[b"PLTE"]
            out += [tuple(palette[3 * i : 3 * i + 3]) for i in packed(rows, w, 1, depth, range(256))]
        elif kind == 2 and filter_ == 1:
            left = (0, 0, 0)
            for _ in range(w):
                left = tuple(a + b & 255 for a, b in zip(left, rows.take(3)))
                out.append(left)
        else:
            raise ValueError("type %d, filter %d" % (kind, filter_))
    rows.end()
    return out


def tight_png(state, fmt, w, h, body):
    control = body.u8()
    if control == 0x80:
        state["seen"].add("fill")
        return [fmt.tpixel(body)] * (w * h)
    if control != 0xA0:
        raise ValueError("control 0x%02x" % control)
    return [fmt.value(c) for c in png(Bytes(body.take(compact_length(body))), w, h, state["seen"])]


TILES = {"raw", "solid", "packed 1", "packed 2", "packed 4", "plain rle", "palette rle"}
DECODERS = {
    0: raw, 2: rre, 5: hextile, 6: zlib_, 7: tight, 15: trle, 16: zrle, -260: tight_png,
}
EXPECTED = {
    0: set(),
    2: set(),
    5: {"raw", "solid", "two colours", "coloured"},
    6: set(),
    15: TILES | {"packed again"},
    -260: {"fill", "colours", "indices of 1", "indices of 2", "indices of 4", "indices of 8"},
    7: {"fill", "copy", "mono", "indexed", "short"},
    16: TILES,
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
