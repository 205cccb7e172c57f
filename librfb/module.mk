librfb_NAME := rfb
librfb_DEPS :=
librfb_PKGS := zlib libturbojpeg pixman-1
# A static pixman needs the mathematics that its own pkg-config file forgets.
librfb_SYSLIBS := -lm
librfb_HEADERS := include/farhand/rfb_version.h include/farhand/rfb_error.h include/farhand/framebuffer.h \
  include/farhand/encoder.h include/farhand/decoder.h include/farhand/motion.h include/farhand/rfb_server.h \
  include/farhand/rfb_client.h
librfb_SRCS := src/version.c src/error.c src/framebuffer.c src/pixel.c src/encoder.c src/tile_encode.c \
  src/zrle_encode.c src/rre_encode.c src/hextile_encode.c src/zlib_encode.c src/jpeg_encode.c src/png_encode.c \
  src/tight_encode.c src/pixel_read.c src/decoder.c src/tile_decode.c src/zrle_decode.c src/rre_decode.c \
  src/hextile_decode.c src/zlib_decode.c src/jpeg_decode.c src/png_decode.c src/tight_decode.c src/codec_new.c \
  src/rfb_server.c src/server_messages.c src/server_update.c src/server_news.c src/server_clipboard.c \
  src/clipboard.c src/server_elsewhere.c src/server_damage.c src/damage.c src/motion.c src/rfb_client.c \
  src/client_messages.c src/client_rects.c src/client_cursor.c src/client_clipboard.c src/client_requests.c \
  src/screens.c src/text.c src/new.c
librfb_TESTS := tests/test_motion.c tests/test_pixel.c tests/test_encoder.c tests/test_decoder.c \
  tests/test_encodings.c tests/test_rfb_session.c tests/test_rfb_extensions.c tests/test_clipboard.c \
  tests/test_rfb_server.c tests/test_rfb_client.c tests/test_jpeg.c tests/test_round_trip.c $(shell $(PKG_CONFIG) \
  --exists libvncserver libvncclient && echo tests/interop_libvnc.c) \
  $(shell $(PKG_CONFIG) --exists xcb && echo tests/interop_tigervnc.c)
librfb_SCRIPTS := tests/formats.sh
librfb_FUZZERS := fuzz/fuzz_decoder.c fuzz/fuzz_rfb_server.c fuzz/fuzz_rfb_client.c
librfb_BENCHES := bench/bench_codec.c $(shell $(PKG_CONFIG) --exists libvncserver libvncclient && echo \
  bench/bench_libvnc.c)
# The adapter archive, librfb-uv.a.
librfb_UV_DEPS :=
librfb_UV_PKGS :=
librfb_UV_HEADERS :=
librfb_UV_SRCS :=
librfb_UV_TESTS :=
# src/new.c (the machines) and src/codec_new.c (encoder, decoder) are the files that allocate.
librfb_IMPURE_OK := malloc|calloc|free
librfb_ALLOC := src/new.c src/codec_new.c
# Peers that others wrote, where they are installed: tests/interop_libvnc.c, tests/interop_tigervnc.c.
librfb_TEST_PKGS := $(shell $(PKG_CONFIG) --exists libvncserver libvncclient && echo libvncserver \
  libvncclient) $(shell $(PKG_CONFIG) --exists xcb && echo xcb)
