#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/demo/program.sh   what runs in the demo's terminal: turns green when the right line was typed.
# Only a line that comes through the whole way from the viewer can do that.

bold=$(printf '\033[1m') plain=$(printf '\033[0m') faint=$(printf '\033[38;5;110m')
cat <<END

  ${bold}Farhand${plain}

  ${faint}This terminal runs on a desktop without a monitor. Whoever types
  here sits somewhere else, and nobody on the way can read along.${plain}

  Type  ${bold}hello from far away${plain}

END
while printf '  > ' && IFS= read -r line; do
    if [ "$line" = 'hello from far away' ]; then
        printf '\033]11;#14532d\007\n  %sHello!%s It arrived, and you see it.\n\n' "$bold" "$plain"
    else
        printf '\033]11;#5b1f1f\007\n  That was: %s\n\n' "$line"
    fi
done
