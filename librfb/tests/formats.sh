#!/bin/sh
# SPDX-License-Identifier: MIT
# What the encoder makes in every pixel format, decoded by decode.py, which shares no code with it.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$(dirname "$FARHAND_BIN")/librfb/tests/test_encoder" --vectors "$dir"
python3 "$(dirname "$0")/decode.py" "$dir"/*
